"""Training on a part of a dataset, and with classes balanced."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from helpers.toy_data import make_folder, make_pcr
from helpers.training_runs import ALONE, config, pcr_run, refusal, train

from pcr.dataset.reader import Dataset
from pcr.train.data import in_memory_batches, train_batches, validation_batches

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A dataset with three times as many blue images as red ones, and a validation folder."""
    root = tmp_path_factory.mktemp("uneven")
    make_folder(root / "train", 6, ("blue",))
    make_folder(root / "train", 2, ("red",))
    make_pcr(root / "train", root / "pcr")
    make_folder(root / "val", 2, ("blue", "red"), seed=1)
    return root


def labels_of(batches):
    with torch.no_grad():
        return Counter(torch.cat([labels for _, labels in batches]).tolist())


def test_classes_are_balanced_in_training_alone(uneven):
    settings = config(uneven, class_balanced=True)
    assert labels_of(train_batches(settings, ALONE)) == {0: 4, 1: 4}
    assert labels_of(validation_batches(settings, ALONE)) == {0: 2, 1: 2}


def test_a_run_takes_a_subset_of_the_images(uneven, tmp_path, capsys):
    settings = config(uneven, subset='label == "blue"')
    assert labels_of(train_batches(settings, ALONE)) == {0: 6}
    few = in_memory_batches(Dataset(uneven / "pcr"), settings, ALONE, 0, 9)
    assert {int(label) for batch in few.read(0) for label in batch.images["label"]} == {0}
    assert train(*pcr_run(uneven, tmp_path), "--subset", 'label == "blue"', "--epochs", "1") == 0
    assert "6 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (["--subset", "label =="], "--subset: expected a condition"),
        (["--subset", 'label == "green"'], "--subset: expected the name of a class"),
        (["--subset", "width > 10000"], "--subset: expected an image or more"),
    ],
)
def test_a_condition_that_makes_no_sense_is_one_line(uneven, tmp_path, capsys, flags, found):
    assert found in refusal(capsys, 2, *pcr_run(uneven, tmp_path), *flags)


def test_images_alone_are_not_chosen(uneven, tmp_path, capsys):
    folders = [uneven / "train", uneven / "val", "--output_dir", tmp_path]
    assert "--subset: needs a PCR dataset" in refusal(capsys, 2, *folders, "--subset", "width > 1")
