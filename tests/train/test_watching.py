"""What a person watches: the live line, the epochs' lines, TensorBoard."""

import io
import re
from pathlib import Path

import pytest
from helpers.training_runs import ALONE, config, pcr_run, rows, values
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pcr.cli.train import main
from pcr.errors import PCRError
from pcr.train import engine, meter
from pcr.train.log import MetricsLog
from pcr.train.processes import Processes
from pcr.train.tensorboard import SCORE_PREFIX, TAGS

pytestmark = pytest.mark.usefixtures("one_thread")
BATCHES = 4


@pytest.fixture(scope="module")
def data(training_data):
    return training_data


def scalars(folder):
    """Tag → [(step, value)], as TensorBoard shows them."""
    events = EventAccumulator(str(folder)).Reload()
    tags = events.Tags()["scalars"]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


def csv_scalars(output):
    """The same from the CSV."""
    found = {}
    for iteration, epoch, kind, value in rows(output):
        tag = f"fidelity/{kind}" if kind.startswith(SCORE_PREFIX) else TAGS.get(kind)
        if tag:
            step = epoch * BATCHES + iteration
            found.setdefault(tag, []).append((step, pytest.approx(value, rel=1e-6)))
    return found


def test_tensorboard_shows_what_the_csv_holds(data, tmp_path):
    flags = ["--n_scans", "auto", "--autotune-start", "1", "--autotune-batches", "1"]
    flags += ["--epochs", "2", "--tensorboard", str(tmp_path / "new" / "events")]
    assert main([*pcr_run(data, tmp_path), *flags]) == 0
    shown = scalars(tmp_path / "new" / "events")
    assert shown == csv_scalars(tmp_path)
    assert {*TAGS.values(), "fidelity/autotune_score_1"} <= shown.keys()
    assert [step for step, _ in shown["accuracy/top_1"]] == [3, 7]


def test_a_resumed_run_goes_on_where_tensorboard_stopped(data, tmp_path):
    """What the second run does again is shown once."""
    folders = {"output_dir": tmp_path, "tensorboard": tmp_path / "events"}
    engine.run(config(data, epochs=2, **folders))
    (tmp_path / "checkpoint_previous.pth.tar").replace(tmp_path / "checkpoint.pth.tar")
    engine.run(config(data, epochs=3, resume=Path("auto"), **folders))
    assert scalars(tmp_path / "events") == csv_scalars(tmp_path)
    assert len(values(tmp_path, "test_top_1")) == 3


def test_only_the_main_process_writes_events(data, tmp_path):
    settings = config(data, output_dir=tmp_path, tensorboard=tmp_path / "events")
    state = engine.TrainState.create(settings, ["a", "b"], ALONE)
    for rank in (1, 0):
        assert not (tmp_path / "events").exists()
        with engine.open_log(state, 4, settings, Processes(ALONE.device, rank, 2)) as log:
            assert isinstance(log, MetricsLog)
    assert (tmp_path / "events").is_dir()


@pytest.mark.parametrize("flag", ["tensorboard", "output_dir"])
def test_a_folder_that_is_a_file_is_one_clear_line(data, tmp_path, flag):
    path = tmp_path / "file"
    path.write_text("")
    state = engine.TrainState.create(config(data), ["a", "b"], ALONE)
    settings = config(data, **{"output_dir": tmp_path, flag: path / "in"})
    with pytest.raises(PCRError, match=f"--{flag} {path}/in: Not a directory"):
        engine.open_log(state, 4, settings, ALONE)


def test_the_live_line(data, tmp_path, monkeypatch):
    """On a terminal: batch, time left, loss, accuracy, images and bytes per second, waiting."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    shown = meter.tqdm
    monkeypatch.setattr(
        meter, "tqdm", lambda **options: shown(**options, file=terminal, ncols=160, mininterval=0)
    )
    engine.run(config(data, epochs=1, output_dir=tmp_path, print_freq=1))
    lines = [line for line in terminal.getvalue().split("\r") if "loss" in line]
    assert any(
        re.fullmatch(
            r"epoch 1/1 \|.{10}\| [1-4]/4, \d\d:\d\d left, loss \d\.\d{3}, top-1 \d+\.\d %, "
            r"\d+ images/s, \d+\.\d MB/s read, \d+% waiting",
            line.strip(),
        )
        for line in lines
    ), lines
    assert any(line.startswith("validate") for line in lines)


def test_an_epochs_line_and_the_final_table(data, tmp_path, capsys):
    assert main([*pcr_run(data, tmp_path), "--epochs", "2"]) == 0
    out = capsys.readouterr().out.splitlines()
    for epoch in (1, 2):
        (line,) = [one for one in out if one.startswith(f"epoch {epoch}/2 at 10 scans: ")]
        for part in ("train loss", "top-1", "images/s", "MB/s read", "% waiting for data"):
            assert part in line
    head = next(i for i, line in enumerate(out) if line.split()[:2] == ["epoch", "scans"])
    assert [line.split()[0] for line in out[head + 1 :][:2]] == ["1", "2"]
    assert out[-1].startswith("best top-1 ")
