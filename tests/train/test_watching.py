"""What a person watches: the live line, the epochs' lines, TensorBoard."""

import errno
import io
import re
import signal
from pathlib import Path

import pytest
from helpers.toy_data import make_folder
from helpers.training_runs import ALONE, SMALL, config, pcr_run, rows, train, values
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pcr.errors import PCRError
from pcr.train import console, engine, meter, results
from pcr.train.log import EpochSummary, MetricsLog
from pcr.train.meter import Scores
from pcr.train.processes import Processes
from pcr.train.reading import Reading
from pcr.train.stop import Stopped
from pcr.train.tensorboard import SCORE_PREFIXES, TAGS

pytestmark = pytest.mark.usefixtures("one_thread")
BATCHES = 4


def scalars(folder):
    """Tag → [(step, value)], as TensorBoard shows them."""
    events = EventAccumulator(str(folder)).Reload()
    tags = events.Tags()["scalars"]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


def csv_scalars(output):
    """The same from the CSV."""
    found = {}
    for iteration, epoch, kind, value in rows(output):
        tag = f"fidelity/{kind}" if kind.startswith(SCORE_PREFIXES) else TAGS.get(kind)
        if tag:
            step = epoch * BATCHES + iteration
            found.setdefault(tag, []).append((step, pytest.approx(value, rel=1e-6)))
    return found


@pytest.mark.parametrize(("rule", "score"), [("auto", "score"), ("auto:loss", "loss")])
def test_tensorboard_shows_what_the_csv_holds(data, tmp_path, rule, score):
    flags = ["--n_scans", rule, "--autotune-start", "1", "--autotune-batches", "1"]
    flags += ["--epochs", "2", "--tensorboard", str(tmp_path / "new" / "events")]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    shown = scalars(tmp_path / "new" / "events")
    assert shown == csv_scalars(tmp_path)
    assert {*TAGS.values(), f"fidelity/autotune_{score}_1"} <= shown.keys()
    assert [step for step, _ in shown["accuracy/top_1"]] == [3, 7]


def test_a_resumed_run_continues_where_tensorboard_stopped(data, tmp_path):
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
    expected = f"{path}/in.*: Not a directory: mend that, then continue with `resume='auto'`"
    with pytest.raises(PCRError, match=expected), results.resumable_errors():
        engine.open_log(state, 4, settings, ALONE)


def test_a_closed_output_is_one_clear_line():
    """As in `pcr train … | head -3`."""
    expected = "standard output was closed by its reader: continue with `resume='auto'`"
    with pytest.raises(PCRError, match=expected), results.resumable_errors():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_the_live_line(data, tmp_path, monkeypatch):
    """On a terminal of 80 columns: batch, time left, loss, accuracy, images per second, waiting."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    shown = meter.tqdm
    monkeypatch.setattr(
        meter, "tqdm", lambda **options: shown(**options, file=terminal, ncols=80, mininterval=0)
    )
    engine.run(config(data, epochs=1, output_dir=tmp_path, print_freq=1))
    lines = [line for line in terminal.getvalue().split("\r") if "loss" in line]
    assert any(
        re.fullmatch(
            r"epoch 1/1 [1-4]/4, \d\d:\d\d left, loss \d\.\d\d, top-1 \d+\.\d%, \d+ img/s, \d+% wait.*",
            line.strip(),
        )
        for line in lines
    ), lines
    assert any(line.startswith("validate") for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_the_table_of_epochs(data, tmp_path, capsys):
    """A row as each epoch ends; a resumed run begins with those of the epochs that are done."""
    assert train(*pcr_run(data, tmp_path), "--epochs", "1") == 0
    head, *done, best = capsys.readouterr().out.splitlines()[-3:]
    assert best.startswith("best top-1 ")
    assert train(*pcr_run(data, tmp_path), "--epochs", "2", "--resume", "auto") == 0
    out = capsys.readouterr().out.splitlines()
    again, first, second, _ = out[-4:]
    assert again == head
    assert done[0].replace("1/1", "1/2") == first
    cells = dict(zip(head.replace("test loss", "test-loss").split(), second.split(), strict=False))
    assert (cells["epoch"], cells["scans"]) == ("2/2", "10")
    assert cells["loss"] == f"{values(tmp_path, 'avg_train_loss')[1]:.4f}"
    assert cells["top-1"] == f"{values(tmp_path, 'test_top_1')[1]:.2f}%"
    assert all(len(line) <= 80 for line in [*out[:2], *out[-4:-1]])


def test_a_wide_row_still_fits_80_columns():
    reading = Reading(1281167, 1234.5, 234.5, 140_000_000_000)
    scores = Scores(6.9078, 76.13, 92.86)
    line = console.row(EpochSummary(299, 10, 6.9078, scores, reading), 300)
    assert len(line) == len(console.heading()) == 80
    blank = console.row(EpochSummary(299, None, 6.9078, None, reading), 300)
    assert blank.split()[1:6] == ["-", "6.9078", "-", "-", "-"]


def test_names_reach_the_terminal_without_their_escape_sequences(data, tmp_path, capsys):
    """Of classes and folders, on both streams, also where a signal ends the run."""
    red = "\x1b[31mred"
    train_dir = make_folder(tmp_path / "train", 2, ("blue", red))
    val = make_folder(tmp_path / "val", 1, ("blue",))
    out = tmp_path / f"{red}\x1b]0;title\x07\nerror: none"
    flags = [*SMALL, "--epochs", "1", "--resume", "auto", "--output_dir", out]
    assert train(*flags, train_dir, val) == 0
    assert train(*flags, train_dir, val) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "finish_epoch", stop)
        assert train(*flags, "--epochs", "2", train_dir, val) == 128 + signal.SIGTERM
    assert train(*flags, "--output_dir", tmp_path / "other", val, train_dir) == 1
    said = capsys.readouterr()
    assert rf"results in {tmp_path}/\x1b[31mred\x1b]0;title\x07\nerror: none" in said.out
    assert r"has no images of these classes" in said.err
    assert r"found others: \x1b[31mred" in said.err
    assert r"title\x07\nerror: none/checkpoint.pth.tar, continue with --resume auto" in said.err
    assert all(line.isprintable() for line in (said.out + said.err).split("\n"))


def stop(*_):
    raise Stopped(signal.SIGTERM)


def test_a_setting_without_effect_is_named_as_it_was_given(data, tmp_path, capsys):
    flags = ["--static_loss_scale", "128", "--epochs", "1"]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "warning: --static-loss-scale has no effect without --fp16"
