"""Conversions of sources that know more of their images than names and labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.conversions import dataset_bytes, make_folder

import pcr
from pcr.conversion.sources import opening
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.dataset.columns import Column
from pcr.imagefolder import Sample


@dataclass(frozen=True)
class Annotated(LocalFolder):
    """A folder whose images have values that follow from their names."""

    columns: tuple[Column, ...] = ()
    make: Callable[[str], tuple[Any, ...]] = lambda name: ()

    def values(self, sample: Sample) -> tuple[Any, ...]:  # type: ignore[override]
        return self.make(sample.name)

    def sendable(self, samples: Sequence[Sample]) -> Annotated:
        return replace(self, samples=())


COLUMNS = (
    Column.of("original", "bytes"),
    Column.of("length", "int64"),
    Column.of("letters", "uint8[?]"),
)


def values_of(name: str) -> tuple[Any, ...]:
    return name.encode() * 3, len(name), np.frombuffer(name.encode(), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "images", {"ant": 5, "bee": 4})


@pytest.fixture
def annotate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let conversions find these columns in any folder."""

    def annotate(
        columns: tuple[Column, ...] = COLUMNS, make: Callable[[str], tuple[Any, ...]] = values_of
    ) -> None:
        def open_annotated(location: str, *_: object) -> Annotated:
            found = LocalFolder.scan(location)
            return Annotated(found.root, found.classes, found.samples, columns, make)

        monkeypatch.setattr(opening, "open_source", open_annotated)

    annotate()
    return annotate


def convert(folder: Path, output: Path, **options: Any) -> pcr.Dataset:
    made = None if options.get("append") else pcr.ConversionOptions(images_per_record=4)
    pcr.convert(folder, output, made, progress=False, **options)
    return pcr.Dataset(output)


def check(dataset: pcr.Dataset) -> None:
    for record in dataset.records:
        found = record.read(1, columns=["original", "name", "length", "letters"]).columns
        for original, name, length, letters in zip(*found.values(), strict=True):
            assert (original, length, letters.tobytes()) == (
                name.encode() * 3,
                len(name),
                name.encode(),
            )


def test_a_conversion_writes_the_columns_of_its_source(
    folder: Path, tmp_path: Path, annotate: object
) -> None:
    dataset = convert(folder, tmp_path / "d")
    assert list(dataset.columns) == ["length", "letters", "original"]
    check(dataset)


def test_columns_lie_beside_where_the_options_say_so(
    folder: Path, tmp_path: Path, annotate: object
) -> None:
    options = pcr.ConversionOptions(images_per_record=4, columns_beside=("length",))
    pcr.convert(folder, tmp_path / "d", options, progress=False)
    dataset = pcr.Dataset(tmp_path / "d")
    assert {name: column.beside for name, column in dataset.columns.items()} == {
        "letters": False,
        "original": True,
        "length": True,
    }
    check(dataset)
    make_folder(folder, {"ant": 7})
    check(convert(folder, tmp_path / "d", append=True))
    missing = pcr.ConversionOptions(columns_beside=("lenght",))
    with pytest.raises(pcr.UsageError, match="columns_beside: expected some of original, length"):
        pcr.convert(folder, tmp_path / "e", missing, progress=False)


def test_shards_and_merging_give_the_same_bytes(
    folder: Path, tmp_path: Path, annotate: object
) -> None:
    whole = convert(folder, tmp_path / "d")
    for index in (1, 0):
        pcr.convert(
            folder,
            tmp_path / "e",
            pcr.ConversionOptions(images_per_record=4),
            shard=(index, 2),
            progress=False,
        )
    pcr.merge(tmp_path / "e")
    assert dataset_bytes(tmp_path / "e") == dataset_bytes(whole.root)


def test_shards_without_a_file_beside_are_not_merged(
    folder: Path, tmp_path: Path, annotate: object
) -> None:
    options = pcr.ConversionOptions(images_per_record=4)

    def convert_shard(index: int) -> None:
        pcr.convert(folder, tmp_path / "e", options, shard=(index, 2), progress=False)

    convert_shard(0)
    convert_shard(1)
    missing = tmp_path / "e" / "PCR_1.original.db"
    missing.unlink()
    with pytest.raises(pcr.DatasetError, match=r"1/2 .*original\.db: expected a column of .* none"):
        pcr.merge(tmp_path / "e")
    convert_shard(1)
    pcr.merge(tmp_path / "e")
    check(pcr.Dataset(tmp_path / "e"))


def test_appending_needs_the_same_columns(
    folder: Path, tmp_path: Path, annotate: Callable[..., None]
) -> None:
    convert(folder, tmp_path / "d")
    before = dataset_bytes(tmp_path / "d")
    make_folder(folder, {"ant": 7, "cat": 2})
    annotate(COLUMNS[:2], lambda name: values_of(name)[:2])
    with pytest.raises(
        pcr.DatasetError,
        match=r"expected the columns of the dataset .* \(length: int64, .*found original: bytes, l",
    ):
        convert(folder, tmp_path / "d", append=True)
    assert dataset_bytes(tmp_path / "d") == before
    annotate(COLUMNS[::-1], lambda name: values_of(name)[::-1])
    dataset = convert(folder, tmp_path / "d", append=True)
    assert len(dataset) == 13
    check(dataset)


def test_a_value_of_another_type_is_named(
    folder: Path, tmp_path: Path, annotate: Callable[..., None]
) -> None:
    annotate(COLUMNS[1:2], lambda name: (None if name == "bee/002.jpg" else 1,))
    with pytest.raises(
        pcr.FormatError, match=r"images/bee/002\.jpg: column length: expected int64, found None"
    ):
        convert(folder, tmp_path / "d")


def test_a_conversion_resumes_to_the_same_bytes_and_skips_values_with_images(
    folder: Path, tmp_path: Path, annotate: object
) -> None:
    (folder / "bee" / "002.jpg").write_bytes(b"no image")
    options = pcr.ConversionOptions(images_per_record=2, shuffle=False)
    with pytest.raises(pcr.FormatError, match="002"):
        pcr.convert(folder, tmp_path / "d", options, progress=False)
    assert list((tmp_path / "d").glob("PCR_0.original.db"))
    skipping = replace(options, on_bad_image="skip")
    for name in "de":
        pcr.convert(folder, tmp_path / name, skipping, progress=False)
    assert dataset_bytes(tmp_path / "d") == dataset_bytes(tmp_path / "e")
    dataset = pcr.Dataset(tmp_path / "d")
    assert len(dataset) == 8
    check(dataset)
    pcr.convert(folder, tmp_path / "d", skipping, force=True, progress=False)
    assert dataset_bytes(tmp_path / "d") == dataset_bytes(tmp_path / "e")


def test_an_interrupted_conversion_with_other_columns_is_refused(
    folder: Path, tmp_path: Path, annotate: Callable[..., None]
) -> None:
    (folder / "bee" / "003.jpg").write_bytes(b"no image")
    with pytest.raises(pcr.FormatError, match="003"):
        convert(folder, tmp_path / "d")
    annotate(COLUMNS[:1], lambda name: values_of(name)[:1])
    with pytest.raises(
        pcr.DatasetError,
        match=r"began with the columns length: int64, letters: .*, not original: bytes",
    ):
        convert(folder, tmp_path / "d")
