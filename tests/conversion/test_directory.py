"""The output directory: which files are the converter's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers.conversions import state
from helpers.datasets import make_release_dataset

from pcr.conversion.run import convert
from pcr.dataset import layout
from pcr.errors import DatasetError


def test_layout_names() -> None:
    assert layout.record_number("PCR_12.db") == 12
    for name in ("PCR.db", "PCR_01.db", "PCR_1.db.pcr-tmp", "xPCR_1.db", "PCR_1.tfrecord"):
        assert layout.record_number(name) is None
    owned = ("PCR_1.tfrecord", "PCR_1.tfrecord.idx", "PCR_1.db.pcr-tmp", "PCR_timings.json")
    assert all(map(layout.is_dataset_file, owned))
    assert not layout.is_dataset_file("PCR_notes.txt")


def test_a_database_that_is_not_ours_is_never_replaced(photos: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "PCR_1.db")) as other, other:
        other.execute("CREATE TABLE mine (value)")
    convert(photos, tmp_path / "dataset", progress=False)
    for name in ("PCR.db", "PCR_0.db"):
        (tmp_path / name).write_bytes((tmp_path / "dataset" / name).read_bytes())
    before = state(tmp_path)
    for force in (False, True):
        with pytest.raises(DatasetError, match=r"PCR_1\.db: expected a file of a PCR dataset"):
            convert(photos, tmp_path, force=force, progress=False)
    assert state(tmp_path) == before


def test_a_dataset_of_the_papers_release_is_never_replaced(photos: Path, tmp_path: Path) -> None:
    make_release_dataset(tmp_path)
    before = state(tmp_path)
    for arguments in ({}, {"force": True}, {"append": True}):
        with pytest.raises(DatasetError, match=r"released code.*choose another output"):
            convert(photos, tmp_path, progress=False, **arguments)
    (tmp_path / "PCR.db").rename(tmp_path / "BCR.db")
    with pytest.raises(DatasetError, match="the folder of images that it was made from"):
        convert(tmp_path, tmp_path / "out", progress=False)
    assert {**before, "BCR.db": before["PCR.db"]}.items() >= state(tmp_path).items()


def test_a_dataset_is_not_a_source(converted: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a folder of images, found a PCR dataset"):
        convert(converted, tmp_path / "out", progress=False)
