"""Verifying and copying datasets with columns."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.column_samples import BESIDE, NAMES, assert_values, make_dataset
from helpers.conversions import dataset_bytes
from helpers.datasets import failures, flip

from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index
from pcr.errors import FormatError
from pcr.tools.dataset_copy import copy
from pcr.tools.verification import verify


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made")).root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "dataset"))


def check(root: Path, level: int) -> None:
    dataset, first = Dataset(root), 0
    assert dataset.levels == level
    for record in dataset.records:
        found = record.read(level, columns=NAMES).columns
        for name in NAMES:
            assert_values(found[name], name, first)
        first += record.images
    assert failures(root) == {}


def test_every_file_is_verified(made: Path) -> None:
    assert [(verdict.file, verdict.failure) for verdict in verify(made)] == [
        ("PCR.db", None),
        ("PCR_0.db", None),
        *((f"PCR_0.{name}.db", None) for name in BESIDE),
        ("PCR_1.db", None),
        *((f"PCR_1.{name}.db", None) for name in BESIDE),
    ]


@pytest.mark.parametrize("name", ["PCR.db", "PCR_0.db", "PCR_1.original.db"])
def test_every_flipped_bit_is_found(root: Path, name: str) -> None:
    path, rng = root / name, random.Random(name)
    bits = 8 * path.stat().st_size
    for bit in [rng.randrange(bits) for _ in range(60)]:
        before = flip(path, bit)
        failed = next((verdict.file for verdict in verify(root) if verdict.failure), None)
        assert failed == name, f"bit {bit}"
        path.write_bytes(before)


def test_readers_of_damaged_files_name_them(root: Path) -> None:
    """Read without verifying whole files: the values' own checksums tell."""
    for name, columns in (("PCR_0.db", ["caption"]), ("PCR_0.embedding.db", ["embedding"])):
        path, rng = root / name, random.Random(name)
        whole = path.read_bytes()
        record = Dataset(root).records[0]
        expected = str(record.columns(columns))
        for bit in [rng.randrange(8 * len(whole)) for _ in range(60)]:
            flip(path, bit)
            try:
                assert str(record.columns(columns)) == expected
            except FormatError as error:
                assert str(path) in str(error)
            path.write_bytes(whole)
        for length in (0, 100, len(whole) - 1, len(whole) // 2):
            path.write_bytes(whole[:length])
            with pytest.raises(FormatError, match=f"{name}: expected {len(whole)} bytes, found"):
                record.columns(columns)
            path.write_bytes(whole)
        path.unlink()
        assert failures(root)[name].startswith("expected a ")
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda c: replace(c, checksums=c.checksums[:1]), "expected 2 entries of column weight"),
        (lambda c: replace(c, value_bytes=(2**40, 12)), "record 0: expected 1099511627776 bytes"),
        (lambda c: replace(c, prefix_bytes=(4096, 2**63)), "record 0: expected 20 bytes after"),
        (lambda c: replace(c, column=replace(c.column, beside=True)), "within the records first"),
    ],
)
def test_an_index_whose_columns_make_no_sense_is_refused(
    root: Path, change: Callable[[ColumnIndex], ColumnIndex], complaint: str
) -> None:
    dataset = Dataset(root)
    first, *rest = dataset.records.column_indexes
    write_index(root, dataset.info, dataset.records.entries, [change(first), *rest])
    with pytest.raises(FormatError, match=rf"PCR\.db: .*{complaint}"):
        Dataset(root)


def test_values_that_are_wrong_but_sealed_are_found(root: Path) -> None:
    """A faulty writer: the checksums are right, the type is another one."""
    dataset = Dataset(root)
    changed = [
        replace(index, column=replace(index.column, type=index.column.type.parse("float64[3]")))
        if index.name == "embedding"
        else index
        for index in dataset.records.column_indexes
    ]
    write_index(root, dataset.info, dataset.records.entries, changed)
    message = "column embedding: expected 120 bytes of 5 values, found 24000"
    assert failures(root)["PCR_0.embedding.db"] == message
    with pytest.raises(FormatError, match=rf"PCR_0\.embedding\.db: {message}"):
        Dataset(root).records[0].columns(["embedding"])


def test_a_copy_has_the_columns(made: Path, tmp_path: Path) -> None:
    summary = copy(made, tmp_path / "copy", progress=False)
    assert dataset_bytes(tmp_path / "copy") == dataset_bytes(made)
    size = sum(len(data) for name, data in dataset_bytes(made).items() if name != "PCR.db")
    assert summary.copied_bytes == summary.dataset_bytes == size


@pytest.mark.parametrize("level", [1, 4])
def test_a_copy_of_first_levels_has_the_columns(made: Path, tmp_path: Path, level: int) -> None:
    for kept in (0, 2):
        summary = copy(made, tmp_path / "copy", level, progress=False)
        assert summary.kept_records == kept
        check(tmp_path / "copy", level)


@pytest.mark.parametrize("level", [None, 4])
@pytest.mark.parametrize("name", ["PCR_1.db", "PCR_1.original.db"])
def test_a_damaged_copy_is_mended(made: Path, tmp_path: Path, name: str, level: int | None) -> None:
    copy(made, tmp_path / "copy", level, progress=False)
    whole, path = dataset_bytes(tmp_path / "copy"), tmp_path / "copy" / name
    for damaged in (path.read_bytes()[:-1], b"\0" + path.read_bytes()[1:], None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        assert copy(made, tmp_path / "copy", level, progress=False).kept_records == 1
        assert dataset_bytes(tmp_path / "copy") == whole


def test_a_damaged_column_is_never_a_finished_copy(root: Path, tmp_path: Path) -> None:
    flip(root / "PCR_0.original.db", 8 * 5000)
    with pytest.raises(FormatError, match=r"PCR_0\.original\.db: expected checksum"):
        copy(root, tmp_path / "copy", progress=False)
    assert not (tmp_path / "copy" / "PCR.db").exists()
