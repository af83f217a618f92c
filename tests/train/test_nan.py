"""Losses that are NaN or infinite: told once, and with `--stop_on_nan` the end of the run."""

import itertools

import pytest
import torch
from helpers.ranks import run_all
from helpers.training_runs import SMALL, pcr_run, rows, train, values

from pcr.train import checkpoint, epoch

pytestmark = pytest.mark.usefixtures("one_thread")
TRAIN_BATCHES = 3  # of 4 images, on each of two processes


def test_a_run_that_stops_at_a_nan_is_resumed_from_before_it(data, tmp_path, capsys):
    """A rate without bounds makes the weights infinite or NaN, and so the next loss."""
    flags = [*pcr_run(data, tmp_path), "--resume", "auto", "--stop_on_nan"]
    assert train(*flags, "--epochs", "1") == 0
    last = tmp_path / checkpoint.LAST_FILE
    good = last.read_bytes()
    for more in ([], ["--checkpoint-every", "1"]):  # a save finds it before it is written
        capsys.readouterr()
        assert train(*flags, "--epochs", "2", "--lr", "inf", *more) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: epoch 2/2, iteration ")
        assert "lower --lr and continue" in line
        assert last.read_bytes() == good
    assert train(*flags, "--epochs", "2") == 0
    assert [epoch for _, epoch, kind, _ in rows(tmp_path) if kind == "avg_train_loss"] == [0, 1]


def lose_the_second_step(rank):
    """Let the loss of the second rank's second step of the second epoch be NaN."""
    train_step, steps = epoch.train_step, itertools.count(1)

    def stepping(state, images, labels, meter):
        nan = rank == 1 and next(steps) == TRAIN_BATCHES + 2
        return train_step(state, images * float("nan") if nan else images, labels, meter)

    epoch.train_step = stepping


@pytest.mark.parametrize("stops", [True, False])
def test_a_loss_of_one_rank_that_is_nan_is_told_once_for_all(data, tmp_path, stops):
    """The other rank's loss is NaN one step later, by their gradients' mean."""
    flags = [*SMALL, "-b", "4", "--epochs", "2", "--lr", "0.01", "--output_dir", tmp_path]
    flags += ["--stop_on_nan"] * stops
    ranks = run_all(2, *flags, data / "train", data / "val", prepare=lose_the_second_step)
    assert [code for code, _, _ in ranks] == [int(stops)] * 2
    place = "epoch 2/2, iteration 2: expected a finite loss and finite weights"
    lines = [[line for line in error.splitlines() if place in line] for _, _, error in ranks]
    saved = checkpoint.load(tmp_path / checkpoint.LAST_FILE)
    finite = all(bool(torch.isfinite(value).all()) for value in saved["model"].values())
    if stops:
        assert [len(said) for said in lines] == [1, 1]
        assert "--lr and continue from the last checkpoint with --resume auto" in lines[0][0]
        assert (saved["epoch"], saved["step"], finite) == (1, 0, True)
        assert len(values(tmp_path, "avg_train_loss")) == 1
    else:
        ((line,), nothing) = lines
        assert line.startswith("warning: ") and not nothing
        assert line.endswith("lower --lr, or end such a run with --stop_on_nan")
        assert (saved["epoch"], finite) == (2, False)
