"""Image sizes by epoch."""

from __future__ import annotations

import pytest
import torch
from helpers.training_runs import ALONE, config, pcr_run, refusal, train, values

from pcr.train.data import train_batches
from pcr.train.epoch_schedule import EpochSchedule

pytestmark = pytest.mark.usefixtures("one_thread")
SIZES = EpochSchedule(((0, 32), (1, 48), (3, 40)))


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_images_have_the_size_of_their_epoch(data, loader):
    batches = train_batches(config(data, image_size=SIZES, loader=loader), ALONE)
    for epoch, size in enumerate((32, 48, 48, 40)):
        assert batches.epoch == epoch
        shapes = {tuple(images.shape[1:]) for images, _ in batches}
        assert shapes == {(3, size, size)}
    batches.close()


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_a_stopped_epoch_resumes_at_its_size(data, loader):
    settings = config(data, image_size=SIZES, loader=loader)
    whole, stopped, resumed = (train_batches(settings, ALONE) for _ in range(3))
    for batches in (whole, stopped):
        list(batches)
    expected = list(whole)
    second = iter(stopped)
    next(second)
    resumed.load_state_dict(stopped.state_dict())
    rest = list(resumed)
    assert {tuple(images.shape[2:]) for images, _ in rest} == {(48, 48)}
    for (images, labels), (images_whole, labels_whole) in zip(rest, expected[1:], strict=True):
        assert torch.equal(images, images_whole)
        assert torch.equal(labels, labels_whole)
    for batches in (whole, stopped, resumed):
        batches.close()


def test_a_run_and_its_resumption(data, tmp_path):
    run = [*pcr_run(data, tmp_path), "--image_size", "0:32,1:48", "--epochs"]
    assert train(*run, "1") == 0
    assert train(*run, "2", "--resume", "auto") == 0
    assert len(values(tmp_path, "test_top_1")) == 2


def test_a_size_that_makes_no_sense(data, tmp_path, capsys):
    for text in ("0", "0:32,1:0", "big", "1:32"):
        line = refusal(capsys, 2, *pcr_run(data, tmp_path), "--image_size", text)
        assert "--image_size: expected" in line
