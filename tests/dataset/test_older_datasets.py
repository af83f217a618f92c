"""Datasets of earlier versions of the format: they open, verify and grow as before."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from helpers.datasets import failures

import pcr
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index

BEFORE_COLUMNS = Path(__file__).parents[1] / "data" / "dataset_before_columns"


def test_a_dataset_from_before_columns_reads_as_it_did() -> None:
    """contents.json: name, label, level and SHA-256 of each image, as the version read it that wrote it."""
    dataset = Dataset(BEFORE_COLUMNS)
    assert dataset.columns == {}
    found = []
    for record in dataset.records:
        names = [image.name for image in record.info().images]
        for level in (1, record.levels):
            images = record.read(level)
            digests = [hashlib.sha256(images[i].tobytes()).hexdigest() for i in range(len(images))]
            labels = images.labels.tolist()
            found += [list(row) for row in zip(names, labels, [level] * 9, digests, strict=False)]
    assert found == json.loads((BEFORE_COLUMNS / "contents.json").read_text())
    assert failures(BEFORE_COLUMNS) == {}


def test_the_index_of_a_dataset_without_columns_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    root = tmp_path / "d"
    shutil.copytree(BEFORE_COLUMNS, root)
    dataset = Dataset(root)
    write_index(root, dataset.info, dataset.records.entries)
    found, expected = ((folder / "PCR.db").read_bytes() for folder in (root, BEFORE_COLUMNS))
    version = slice(96, 100)  # of SQLite
    assert found[: version.start] == expected[: version.start]
    assert found[version.stop :] == expected[version.stop :]


def test_a_dataset_from_before_columns_gets_one(tmp_path: Path) -> None:
    root = Path(shutil.copytree(BEFORE_COLUMNS, tmp_path / "d"))
    pcr.add_column(root, "number", range(11), progress=False)
    for name in ("PCR_0.db", "PCR_1.db"):
        assert (root / name).read_bytes() == (BEFORE_COLUMNS / name).read_bytes()
    found = [record.columns(["number"])["number"] for record in Dataset(root).records]
    assert [number for numbers in found for number in numbers] == list(range(11))
    assert Dataset(root).info == Dataset(BEFORE_COLUMNS).info
    assert failures(root) == {}


def test_a_dataset_from_before_columns_trains(tmp_path: Path) -> None:
    pytest.importorskip("torchvision", reason="of the extra 'train'")
    from helpers import tiny_model, training_runs

    pcr.export(BEFORE_COLUMNS, tmp_path / "val", progress=False)
    shutil.copytree(BEFORE_COLUMNS, tmp_path / "pcr")
    words = (*training_runs.pcr_run(tmp_path, tmp_path / "run"), "-a", tiny_model.register())
    assert training_runs.train(*words, "--epochs", 1) == 0
    assert training_runs.rows(tmp_path / "run")
