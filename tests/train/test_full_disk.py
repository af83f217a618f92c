"""A disk that is full while a run writes: one line, nothing lost, and the run is resumed."""

import errno
import io
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
from helpers.faults import Faults
from helpers.training_runs import pcr_run, train, values

from pcr.train import checkpoint

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="preloads a library")
TEMPORARY = ".pcr-tmp"
# What is written when the disk becomes full, at which write, and the file that the error names.
TRIALS = [
    ("train_data_0.csv", 3, "train_data_0.csv"),
    (checkpoint.LAST_FILE + TEMPORARY, 1, checkpoint.LAST_FILE),
    (checkpoint.LAST_FILE + TEMPORARY, 40, checkpoint.LAST_FILE),
    (checkpoint.BEST_FILE + TEMPORARY, 1, checkpoint.LAST_FILE),
    ("events", 4, "events/events.out.tfevents"),
]


def test_a_run_is_resumed_after_the_disk_was_full(training_data, tmp_path):
    """All trials in one process that the library is preloaded into."""
    faults = Faults.build(tmp_path)
    environment = {**faults.environment, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, __file__, training_data, tmp_path / "runs"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def try_all(data, root):
    """Let each trial go wrong in the second epoch of a run, or in the first that saves its best."""
    run("--epochs", 1, data, root / "first")
    for number, (written, call, named) in enumerate(TRIALS):
        output = root / str(number)
        if not written.startswith(checkpoint.BEST_FILE):
            shutil.copytree(root / "first", output)
        output.mkdir(exist_ok=True)
        try_one(data, output, written, call, named)


def try_one(data, output, written, call, named):
    full = {"under": output / written, "error": errno.ENOSPC, "times": 0, "torn": True}
    with Faults.here().failing("write", call, **full) as fault:
        code, said = run("--epochs", 2, data, output)
    assert fault.happened, written
    (line,) = said.splitlines()
    assert code == 1
    assert line.startswith(f"error: {output / named}"), line
    remedy = "No space left on device: free some space, then continue with --resume auto"
    assert line.endswith(remedy), line
    assert not list(output.rglob(f"*{TEMPORARY}"))
    code, said = run("--epochs", 2, data, output)
    assert code == 0, said
    assert all("left out damaged rows: 1" in line for line in said.splitlines()), said
    for kind in ("avg_train_loss", "test_top_1"):
        assert len(values(output, kind)) == 2
    assert len(values(output, "data_times")) == 8


def run(*arguments):
    """Exit code and stderr of a run that resumes where it can."""
    *flags, data, output = arguments
    said = io.StringIO()
    flags += ["--resume", "auto", "--tensorboard", output / "events"]
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        code = train(*pcr_run(data, output), *flags)
    return code, said.getvalue()


if __name__ == "__main__":
    torch.set_num_threads(1)
    try_all(*map(Path, sys.argv[1:]))
    print("done")
