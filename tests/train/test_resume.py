"""Runs that are stopped and resumed: nothing is lost, nothing comes twice."""

import os
import signal
from pathlib import Path

import pytest
import torch
from helpers.toy_data import make_folder, make_pcr
from helpers.training_runs import ALONE, config, pcr_run, refusal, rows, train, values

from pcr.errors import UsageError
from pcr.train import checkpoint, engine
from pcr.train.epoch_schedule import EpochSchedule
from pcr.train.fidelity import Fidelity
from pcr.train.meter import PassMeter
from pcr.train.processes import Processes
from pcr.train.stop import Stopped, StopRequest

LEARNED = ("avg_train_loss", "avg_test_loss", "test_top_1")
BATCHES = 4  # of the 22 images of an epoch


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def losses(monkeypatch):
    """The loss of every training step and its epoch's labels, in the order in which they were computed."""
    seen = []
    update = PassMeter.update

    def noting(self, logits, labels, loss):
        if loss.requires_grad:
            seen.append((loss.item(), labels.tolist()))
        update(self, logits, labels, loss)

    monkeypatch.setattr(PassMeter, "update", noting)
    return seen


def stop_after(patch, steps, losses):
    """Send SIGTERM in this step, counted from the run's first; the run stops two steps on at most."""
    update, first, sent = PassMeter.update, len(losses), []

    def stopping(self, *arguments):
        update(self, *arguments)
        if len(losses) - first == steps and not sent:
            sent.append(steps)
            os.kill(os.getpid(), signal.SIGTERM)

    patch.setattr(PassMeter, "update", stopping)


@pytest.mark.parametrize("loader", ["native", "dali"])
@pytest.mark.parametrize("source", ["pcr", "train"])
def test_two_stops_in_mid_epoch_change_nothing(data, tmp_path, losses, source, loader):
    """Every step's loss, bit by bit, and the epoch's means; one of the stops falls into the validation."""
    settings = {"train_dir": data / source, "pcr_train": source == "pcr", "epochs": 2, "lr": 0.02,
                "loader": loader}  # fmt: skip
    whole = engine.run(config(data, output_dir=tmp_path / "whole", **settings))
    expected, losses[:] = losses[:], []
    assert len(expected) == 2 * BATCHES
    for steps in (1, BATCHES - 2):  # the second signal comes in the last step before a validation
        with (
            pytest.MonkeyPatch.context() as patch,
            pytest.raises(Stopped, match="SIGTERM in epoch"),
        ):
            stop_after(patch, steps, losses)
            engine.run(resumable(data, tmp_path, settings))
        saved = checkpoint.load(tmp_path / "parts" / checkpoint.LAST_FILE)
        assert saved["step"] > 0
    resumed = engine.run(resumable(data, tmp_path, settings))
    assert losses == expected
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name]), name
    for kind in LEARNED:
        assert values(tmp_path / "whole", kind) == values(tmp_path / "parts", kind)
    places = [(i, epoch) for i, epoch, kind, _ in rows(tmp_path / "parts") if kind == "data_times"]
    assert places == [(i, epoch) for epoch in range(2) for i in range(BATCHES)]
    assert [one.epoch for one in resumed.summaries] == [0, 1]


@pytest.mark.parametrize(
    "how",
    [
        {"fidelity": Fidelity.parse("mix:1=0.5,10=0.5")},
        {"fidelity": Fidelity.parse("auto"), "autotune_threshold": -1.0},
        {"fidelity": Fidelity.parse("auto:loss"), "autotune_tolerance": 1000.0},
        {"fidelity": Fidelity.parse("0:10,1:2"), "image_size": EpochSchedule(((0, 32), (1, 48)))},
    ],
    ids=["mixture", "auto", "auto:loss", "schedules"],
)
def test_a_stop_changes_nothing_where_levels_and_sizes_change(data, tmp_path, losses, how):
    """In the first epoch and in the second, before which `auto` chooses level 1."""
    settings = {"epochs": 2, "lr": 0.02, "autotune_start": 1, "autotune_batches": 1, **how}
    engine.run(config(data, output_dir=tmp_path / "whole", **settings))
    expected, losses[:] = losses[:], []
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
            stop_after(patch, 2, losses)
            engine.run(resumable(data, tmp_path, settings))
    engine.run(resumable(data, tmp_path, settings))
    assert losses == expected
    for kind in (*LEARNED, "n_scans", "autotune_score_1", "autotune_loss_1"):
        assert values(tmp_path / "whole", kind) == values(tmp_path / "parts", kind)


def resumable(data, tmp_path, settings):
    return config(data, output_dir=tmp_path / "parts", resume=Path("auto"), seed=1, **settings)


def test_checkpoints_between_epochs_ends(data, tmp_path, monkeypatch):
    steps = []
    save = checkpoint.save

    def noting(output_dir, state, is_best):
        steps.append((state["epoch"], state["step"]))
        save(output_dir, state, is_best)

    monkeypatch.setattr(checkpoint, "save", noting)
    engine.run(config(data, output_dir=tmp_path, epochs=2, lr=0.02, checkpoint_every=3))
    # After iterations 3 and 6, and before and after each validation.
    assert steps == [(0, 3), (0, 4), (1, 0), (1, 2), (1, 4), (2, 0)]


def test_the_command_says_how_to_go_on(data, tmp_path, losses, capsys):
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1, losses)
        assert train(*pcr_run(data, tmp_path), "--epochs", "1") == 128 + signal.SIGTERM
    (line,) = capsys.readouterr().err.splitlines()
    last = tmp_path / checkpoint.LAST_FILE
    place = "in epoch 1/1 after iteration 2/4"
    assert line == f"stopped by SIGTERM {place}: saved in {last}, continue with --resume auto"
    assert train(*pcr_run(data, tmp_path), "--epochs", "1", "--resume", "auto") == 0
    assert len(losses) == BATCHES
    said = " ".join(capsys.readouterr().out.split())
    assert f"resuming {place}, from {last}" in said
    assert train(*pcr_run(data, tmp_path), "--epochs", "1", "--resume", "auto") == 0
    assert "nothing left to train: all 1 epochs are done" in capsys.readouterr().out


def test_auto_begins_where_nothing_is_saved(data, tmp_path, capsys):
    assert train(*pcr_run(data, tmp_path), "--prof", "--resume", "auto") == 0
    assert f"no checkpoint in {tmp_path}: starting from" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["auto", "path"])
def test_a_damaged_checkpoint_is_named_and_the_previous_one_tried(data, tmp_path, how, capsys):
    assert train(*pcr_run(data, tmp_path), "--epochs", "2") == 0
    expected = [row for row in rows(tmp_path) if row[2] in LEARNED]
    last = tmp_path / checkpoint.LAST_FILE
    contents = last.read_bytes()
    last.write_bytes(contents[: len(contents) // 2])
    capsys.readouterr()
    flags = ["--epochs", "2", "--resume", "auto" if how == "auto" else str(last)]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    done = capsys.readouterr()
    assert f"{last}: expected a checkpoint, found a damaged file" in done.err
    assert f"trying {tmp_path / checkpoint.PREVIOUS_FILE}" in done.err
    assert "\n    2/2 " in done.out  # once more, from the end of the first
    assert [row for row in rows(tmp_path) if row[2] in LEARNED] == expected


def test_a_bad_validation_image_does_not_cost_the_epoch(data, tmp_path, losses, capsys):
    val = make_folder(tmp_path / "val", 2)
    whole = (val / "red" / "000.jpg").read_bytes()
    (val / "red" / "000.jpg").write_bytes(b"\xff\xd8 no more of a JPEG")
    out = tmp_path / "out"
    run = [*pcr_run(data, out)[:-1], val, "--epochs", "1", "--resume", "auto"]
    for _ in range(2):  # the second attempt trains nothing and meets the same image
        assert train(*run) == 1
        assert "red/000.jpg: " in capsys.readouterr().err
        assert len(losses) == BATCHES
    (val / "red" / "000.jpg").write_bytes(whole)
    assert train(*run) == 0
    assert len(losses) == BATCHES
    assert len(values(out, "test_top_1")) == len(values(out, "avg_train_loss")) == 1


def test_none_of_the_checkpoints_is_whole(data, tmp_path, capsys):
    for name in (checkpoint.LAST_FILE, checkpoint.PREVIOUS_FILE):
        (tmp_path / name).write_bytes(b"damaged")
    assert train(*pcr_run(data, tmp_path), "--resume", "auto") == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{tmp_path / checkpoint.LAST_FILE}: expected a checkpoint")
    assert f"error: {tmp_path / checkpoint.PREVIOUS_FILE}: expected a checkpoint" in second


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_another_number_of_processes_trains_what_is_left(
    data, tmp_path, losses, monkeypatch, loader
):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 1, losses)
        engine.run(config(data, output_dir=tmp_path, epochs=1, loader=loader))
    saved = checkpoint.load(tmp_path / checkpoint.LAST_FILE)
    settings = config(data, resume=tmp_path / checkpoint.LAST_FILE, loader=loader)
    images, measured = 0, 0
    for rank in range(2):
        processes = Processes(torch.device("cpu"), rank, 2)
        state = engine.TrainState.create(settings, saved["classes"], ALONE)
        state.restore(settings, saved)
        batches = engine.train_batches(settings, processes)
        state.restore_own(settings, saved, processes, batches)
        assert state.step == 1 and len(batches) == 2
        images += sum(len(labels) for _, labels in batches)
        measured += int(state.measured["sums"][3])
        told = engine.resumption(state, batches, settings, saved, processes)
        assert told.endswith("on 2 processes instead of 1")
    assert (images, measured) == (10, 12)


def test_a_run_is_resumed_with_the_loader_and_the_batches_that_it_began_with(
    data, tmp_path, losses
):
    settings = {"output_dir": tmp_path, "epochs": 2, "resume": Path("auto")}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        stop_after(patch, 1, losses)
        engine.run(config(data, loader="dali", **settings))
    with pytest.raises(UsageError, match=r"mid-epoch .*`loader`: expected native as here"):
        engine.run(config(data, loader="native", **settings))
    engine.run(config(data, loader="auto", batch_size=5, **settings | {"epochs": 1}))
    resumed = engine.run(config(data, loader="native", batch_size=5, **settings))
    assert [one.reading.images for one in resumed.summaries] == [22, 22]


def test_a_second_signal_has_its_usual_effect():
    def old(number, _):
        raise InterruptedError(number)

    before = signal.signal(signal.SIGTERM, old)
    try:
        with pytest.raises(InterruptedError), StopRequest(ALONE) as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            stop.check()
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is old
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_data_of_equal_counts(data, tmp_path, losses, capsys):
    """In mid-epoch it is refused; between epochs it is a warning, because images may be appended."""
    other = make_pcr(make_folder(tmp_path / "train", 11, seed=7), tmp_path / "pcr")
    (tmp_path / "val").symlink_to(data / "val")
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1, losses)
        assert train(*pcr_run(data, out), "--epochs", "1") == 128 + signal.SIGTERM
    trained = f"{out / checkpoint.LAST_FILE}: was trained on other data than {other} holds now"
    line = refusal(capsys, 2, *pcr_run(tmp_path, out), "--epochs", "1", "--resume", "auto")
    assert f"{trained}, and saved in mid-epoch: resume it with that data, or from" in line
    assert train(*pcr_run(data, out), "--epochs", "1", "--resume", "auto") == 0
    capsys.readouterr()
    assert train(*pcr_run(tmp_path, out), "--epochs", "2", "--resume", "auto") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"warning: {trained}"
