"""Small records and datasets for tests, written by the writer itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers import jpegs
from pcr import jpeg
from pcr.conversion.encode import encode_jpeg
from pcr.conversion.options import ConversionOptions
from pcr.dataset.layout import record_file
from pcr.dataset.messages import DatasetInfo, RecordIndex, RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index, write_record
from pcr.imagefolder import Sample
from pcr.ladder import Ladder

CLASSES = ("ant", "bee", "cat")


def sources(count: int) -> list[bytes]:
    """That many different JPEGs, every third one grayscale."""
    return [
        jpegs.encode(jpegs.photo(40 + i, 30 + i, "L" if i % 3 == 2 else "RGB"), quality=60 + i % 30)
        for i in range(count)
    ]


def write(path: Path, images: list[bytes], ladder: Ladder, first: int = 0) -> RecordIndex:
    """A record of these images; image i is called <class>/<first + i>.jpg."""
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
    groups = [jpeg.pack([e.level(k) for e in encoded]) for k in range(1, ladder.levels + 1)]
    return write_record(path, info, groups)


def make_dataset(root: Path, sizes: tuple[int, ...], ladder_name: str = "standard") -> Dataset:
    """A dataset with records of these many images; image names count through all records."""
    return make_dataset_of(root, [sources(size) for size in sizes], ladder_name)


def make_dataset_of(
    root: Path, images: list[list[bytes]], ladder_name: str = "standard"
) -> Dataset:
    """A dataset of these JPEGs, one list for each record; image names count through all records."""
    ladder = Ladder.load(ladder_name)
    root.mkdir(exist_ok=True)
    records, first = [], 0
    for number, sources in enumerate(images):
        records.append(write(root / record_file(number), sources, ladder, first))
        first += len(sources)
    info = DatasetInfo(
        CLASSES, first, len(images), ladder.levels, ladder.name, ladder.text, 8, 0, "none"
    )
    write_index(root, info, records)
    return Dataset(root)
