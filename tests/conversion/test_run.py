"""Conversions: every image with its pixels, the same bytes every time, nothing replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers import jpegs
from helpers.conversions import (
    CONVERTER,
    contents,
    dataset_bytes,
    fail,
    state,
    succeed,
)
from helpers.datasets import failures

from pcr.dataset.reader import Dataset
from pcr.imagefolder import ImageFolder


def test_every_image_is_in_the_dataset_with_its_pixels(source: Path, tmp_path: Path) -> None:
    before, out = state(source), tmp_path / "new" / "out"
    printed = succeed(CONVERTER, source, out, "--batch_size", 10)
    assert "25 images in 3 records" in printed
    assert printed.count("\n") > 12
    assert state(source) == before
    assert failures(out) == {}
    folder, found = ImageFolder.scan(source), contents(out)
    assert sorted(name for name, _, _ in found) == sorted(s.name for s in folder.samples)
    assert [r.images for r in Dataset(out).records] == [10, 10, 5]
    for name, label, jpeg in found:
        assert folder.classes[label] == name.split("/")[0]
        original = jpegs.decode((source / name).read_bytes())
        assert np.array_equal(jpegs.decode(jpeg), original)


def test_the_same_inputs_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for out, workers in (("a", 1), ("b", 4)):
        succeed(CONVERTER, source, tmp_path / out, "--quiet", "--num_workers", workers)
    succeed(CONVERTER, source, tmp_path / "c", "--quiet", "--seed", 1)
    assert dataset_bytes(tmp_path / "a") == dataset_bytes(tmp_path / "b")
    first, other = contents(tmp_path / "a"), contents(tmp_path / "c")
    assert first != other and sorted(first) == sorted(other)


def test_an_existing_dataset_is_kept_unless_forced(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(CONVERTER, source, out, "--quiet", "--batch_size", 5)
    before = dataset_bytes(out)
    line = fail(CONVERTER, source, out, "--quiet")
    assert "--force" in line and "--append" in line
    assert dataset_bytes(out) == before
    (out / "PCR_notes.txt").write_text("mine")
    succeed(CONVERTER, source, out, "--quiet", "--force")
    assert sorted(path.name for path in out.iterdir()) == ["PCR.db", "PCR_0.db", "PCR_notes.txt"]
