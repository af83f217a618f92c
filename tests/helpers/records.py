"""Small records and datasets for tests, written by the writer itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers import jpegs
from pcr import jpeg
from pcr.conversion.column_values import write_columns_beside
from pcr.conversion.encode import encode_jpeg
from pcr.conversion.options import ConversionOptions
from pcr.dataset import layout
from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.columns import Column
from pcr.dataset.messages import DatasetInfo, RecordIndex, RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import WrittenRecord, write_index, write_record
from pcr.imagefolder import Sample
from pcr.ladder import Ladder
from pcr.storage.local import LocalStore

CLASSES = ("ant", "bee", "cat")


def sources(count: int) -> list[bytes]:
    """That many different JPEGs, every third one grayscale."""
    return [
        jpegs.encode(jpegs.photo(40 + i, 30 + i, "L" if i % 3 == 2 else "RGB"), quality=60 + i % 30)
        for i in range(count)
    ]


def write(
    path: Path,
    images: list[bytes],
    ladder: Ladder,
    first: int = 0,
    columns: Mapping[Column, Sequence[Any]] | None = None,
) -> RecordIndex:
    """A record of these images; image i is called <class>/<first + i>.jpg."""
    return _write(path, images, ladder, first, columns or {}).index


def _write(
    path: Path,
    images: list[bytes],
    ladder: Ladder,
    first: int,
    columns: Mapping[Column, Sequence[Any]],
) -> WrittenRecord:
    options = ConversionOptions(ladder)
    encoded = [
        encode_jpeg(data, Sample(f"{CLASSES[i % 3]}/{first + i}.jpg", i % 3), options)
        for i, data in enumerate(images)
    ]
    info = RecordInfo(
        np.array([image.sample.label for image in encoded], dtype=np.int32),
        ladder.levels,
        tuple(image.info() for image in encoded),
    )
    groups = [[jpeg.pack([e.level(k) for e in encoded])] for k in range(1, ladder.levels + 1)]
    some = slice(first, first + len(images))
    values = {column: column.type.encode(of_all[some]) for column, of_all in columns.items()}
    within = {column.name: data for column, data in values.items() if not column.beside}
    written = write_record(path, info, groups, within)
    number = layout.record_number(path.name) or 0
    beside = write_columns_beside(LocalStore(path.parent), number, values)
    return replace(written, columns=(*written.columns, *beside))


def make_dataset(
    root: Path,
    sizes: tuple[int, ...],
    ladder_name: str = "standard",
    columns: Mapping[Column, Sequence[Any]] | None = None,
) -> Dataset:
    """A dataset with records of these many images; image names count through all records.

    columns: the values of all images, those within the records first.
    """
    return make_dataset_of(root, [sources(size) for size in sizes], ladder_name, columns)


def make_dataset_of(
    root: Path,
    images: list[list[bytes]],
    ladder_name: str = "standard",
    columns: Mapping[Column, Sequence[Any]] | None = None,
) -> Dataset:
    """A dataset of these JPEGs, one list for each record; image names count through all records."""
    ladder, columns = Ladder.load(ladder_name), columns or {}
    root.mkdir(exist_ok=True)
    written, first = [], 0
    for number, sources in enumerate(images):
        path = root / layout.record_file(number)
        written.append(_write(path, sources, ladder, first, columns))
        first += len(sources)
    info = DatasetInfo(
        CLASSES, first, len(images), ladder.levels, ladder.name, ladder.text, 8, 0, "none"
    )
    indexes = [
        ColumnIndex.of(column, [record.columns[place] for record in written])
        for place, column in enumerate(columns)
    ]
    write_index(root, info, [record.index for record in written], indexes)
    return Dataset(root)
