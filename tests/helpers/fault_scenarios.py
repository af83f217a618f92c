"""The commands whose calls fail in turn: `python -m helpers.fault_scenarios NAME`, preloaded.

Prints a line for each violation, how many calls of each kind failed, and how many trials these were.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from helpers import jpegs
from helpers.conversions import CONVERTER, PCR, Command, Result, run
from helpers.fault_trials import KINDS, Scenario, Trials
from helpers.faults import Faults
from pcr.dataset import layout
from pcr.errors import PCRError, describe, printable

MEMORY = Path("/dev/shm")  # where a real fsync takes no time
CONVERT = (CONVERTER, "SOURCE", "OUT", "--quiet", "--num_workers", "1", "--batch_size", "2",
           "--ladder", "luma")  # fmt: skip
EXPORT = (PCR, "export", "OUT", "EXPORTED", "--quiet")


def command(program: Command, *words: str) -> Callable[[Path], Result]:
    """A program; words in capitals stand for the folders of that name."""
    return lambda folder: run(
        program, *(folder / word.lower() if word.isupper() else word for word in words)
    )


def function(act: Callable[[Path], object]) -> Callable[[Path], Result]:
    """A function that ends as a command does."""

    def ended(folder: Path) -> Result:
        try:
            act(folder)
        except (PCRError, OSError) as error:
            return Result(1, "", f"error: {printable(describe(error))}\n")
        except MemoryError:
            return Result(1, "", "error: out of memory\n")
        return Result(0, "", "")

    return ended


def make_images(folder: Path, classes: dict[str, int]) -> None:
    for class_name, count in classes.items():
        (folder / class_name).mkdir(parents=True)
        for number in range(count):
            data = jpegs.encode(jpegs.photo(200 + number, 160))
            (folder / class_name / f"{number}.jpg").write_bytes(data)


def make_source(folder: Path) -> None:
    make_images(folder / "source", {"cat": 2, "dog": 2})


def make_dataset(folder: Path) -> None:
    """A finished dataset whose source has further images."""
    make_source(folder)
    assert command(*CONVERT)(folder).returncode == 0
    make_images(folder / "source", {"ant": 2})


def convert() -> Scenario:
    return Scenario(make_source, command(*CONVERT), command(*CONVERT))


def append() -> Scenario:
    act = command(*CONVERT, "--append")
    return Scenario(make_dataset, act, act, kept=lambda name: name != f"out/{layout.INDEX_FILE}")


def export() -> Scenario:
    return Scenario(make_dataset, command(*EXPORT), command(*EXPORT, "--force"))


def add_column() -> Scenario:
    """A dataset gets a column, of which its user sees in the end that it is there."""
    import pcr

    def columns(folder: Path) -> dict[str, pcr.Column]:
        return pcr.Dataset(folder / "out").columns

    def add(folder: Path) -> None:
        pcr.add_column(folder / "out", "number", range(4), progress=False)

    def again(folder: Path) -> None:
        if not columns(folder):
            add(folder)

    def intact(folder: Path) -> bool:
        names = list(columns(folder))
        found = [r.columns(names) for r in pcr.Dataset(folder / "out").records]
        return all(list(of_record) == names for of_record in found)

    kinds = tuple(kind for kind in KINDS if kind.call in ("write", "fsync", "rename", "unlink"))
    return Scenario(
        make_dataset,
        function(add),
        function(again),
        kinds,
        kept=lambda name: name != f"out/{layout.INDEX_FILE}",
        intact=intact,
    )


def checkpoint() -> Scenario:
    """A checkpoint is written where there is an older one."""
    import torch

    from pcr.train import checkpoint

    def save(step: int) -> Callable[[Path], None]:
        state = {
            "arch": "none", "classes": ["cat"], "seed": 0, "loader": "native", "epoch": 0,
            "step": step, "n_scans": None, "best_top_1": 0.0, "summaries": [], "scaler": {},
            "model": {"weight": torch.full((9999,), step)}, "ranks": [],
            "optimizer": {"state": {}, "param_groups": []},
        }  # fmt: skip
        return lambda folder: checkpoint.save(folder, state, is_best=True)

    def intact(folder: Path) -> bool:
        found = checkpoint.load_first(checkpoint.find(Path(checkpoint.AUTO), folder))
        return found is not None and found[0]["step"] in (1, 2)

    def contents(path: Path) -> bytes:
        return b"" if path.name == checkpoint.PREVIOUS_FILE else path.read_bytes()

    again = function(save(2))
    return Scenario(save(1), again, again, kept=lambda _: False, contents=contents, intact=intact)


def metrics() -> Scenario:
    """A metrics file is resumed and gets further rows."""
    from pcr.train.log import MetricsFile

    def write(first: int) -> Callable[[Path], None]:
        def act(folder: Path) -> None:
            file = MetricsFile(folder, resume_at=(0, first))
            for iteration in range(first, first + 5):
                file.write(iteration, 0, loss=iteration, top_1=1.5)
            file.flush()
            file.close()

        return act

    def intact(folder: Path) -> bool:
        (path,) = folder.glob("*.csv")
        return path.read_bytes().count(b"\n") > 2 * 5

    again = function(write(5))
    return Scenario(write(0), again, again, kept=lambda _: False, intact=intact)


def train() -> Scenario:
    """A run of one epoch is resumed for another."""
    import torch

    from helpers import tiny_model, toy_data
    from helpers.training_runs import pcr_run
    from pcr.cli.command import main
    from pcr.train import checkpoint

    torch.set_num_threads(1)

    def trained(epochs: int) -> Callable[[Path], Result]:
        program = Command(lambda words: main("train", words), ())
        options = ("--epochs", str(epochs), "--resume", "auto", "-a", tiny_model.register())
        return lambda folder: run(program, *pcr_run(folder, folder / "run"), *options)

    def prepare(folder: Path) -> None:
        toy_data.make_folder(folder / "val", 3, seed=1)
        toy_data.make_pcr(toy_data.make_folder(folder / "train", 6), folder / "pcr")
        assert trained(1)(folder).returncode == 0

    def contents(path: Path) -> bytes:
        """Without times, and of the checkpoints the last."""
        if path.name == checkpoint.LAST_FILE:
            state = checkpoint.load(path)
            return repr((state["step"], [v.tolist() for v in state["model"].values()])).encode()
        if path.suffix == ".csv":
            rows = path.read_text().splitlines()
            return repr([row for row in rows if "loss" in row or "top" in row]).encode()
        return b"" if path.parent.name == "run" else path.read_bytes()

    kinds = tuple(kind for kind in KINDS if kind.call not in ("thread", "allocate"))
    return Scenario(prepare, trained(2), trained(2), kinds, _is_of_the_data, contents)


def _is_of_the_data(name: str) -> bool:
    return not name.startswith("run/")


SCENARIOS = {
    act.__name__: act for act in (convert, append, export, add_column, checkpoint, metrics, train)
}


def main(name: str) -> int:
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        trials = Trials(SCENARIOS[name](), Faults.here(), folder)
        trials.run()
    finally:
        shutil.rmtree(folder)
    print(f"{trials.trials} trials, {trials.violations} violations")
    return 1 if trials.violations else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
