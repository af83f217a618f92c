"""The images of a share as its records arrive, which threads read ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnType
from pcr.dataset.reader import Dataset
from pcr.dataset.record import RecordImages
from pcr.loading.jpeg_batch import JpegBatch, image_rows
from pcr.loading.level_mix import LevelMix
from pcr.loading.read_ahead import ReadAhead, Reading
from pcr.loading.rounds import Round, ShareOrder


@dataclass(kw_only=True)
class RecordReading(Reading):
    """How records are read, and what that took so far."""

    mix: LevelMix
    verify_checksums: bool = True
    concurrent_reads: int = 1
    columns: Mapping[str, ColumnType] = field(default_factory=dict)


def read_images(
    dataset: Dataset,
    order: ShareOrder,
    reading: RecordReading,
    first_images: NDArray[np.int64],
    batch_size: int,
) -> Generator[JpegBatch, None, None]:
    """One rank's share of an epoch, all images of a round together; their columns are lists.

    first_images: the position in the dataset of each record's first image.
    """

    def read(number: int) -> tuple[RecordImages, int]:
        record, level = dataset.records[number], reading.mix.draw(order.order.level_random(number))
        images = record.read(level, columns=columns, verify=reading.verify_checksums)
        return images, record.bytes_to_read(level, columns)

    columns = tuple(reading.columns)
    numbers = (number for drawn in order.rounds() for number in drawn.reads)
    rounds = order.rounds()
    # The first batch's records come alone: beside others they would have a part of the bandwidth.
    begun = list(_first_rounds(rounds, batch_size))
    first = sum(len(drawn.reads) for drawn in begun)
    at_once = reading.concurrent_reads
    with ReadAhead(
        numbers, at_once, threads=at_once, finish=read, first=first, name="pcr-records"
    ) as arrivals:
        window: dict[int, RecordImages] = {}
        for drawn in chain(begun, rounds):
            for record in drawn.reads:
                window[record] = reading.receive(arrivals)
            if len(drawn):
                yield _images_of(drawn, window, first_images)
            for record in drawn.forget:
                del window[record]


def _first_rounds(rounds: Iterator[Round], images: int) -> Iterator[Round]:
    """The first rounds that have so many images together, or all."""
    while images > 0 and (drawn := next(rounds, None)) is not None:
        yield drawn
        images -= len(drawn)


def _images_of(
    drawn: Round, window: Mapping[int, RecordImages], first_images: NDArray[np.int64]
) -> JpegBatch:
    numbers, places, repeats = drawn.drawn
    records, which = np.unique(numbers, return_inverse=True)
    held = [window[record] for record in records.tolist()]
    # Places among the images of all these records, one record after another.
    among = places + np.cumsum([0, *map(len, held)])[which]
    begins = np.concatenate([record.offsets[:-1] for record in held])[among]
    ends = np.concatenate([record.offsets[1:] for record in held])[among]
    labels = np.concatenate([record.labels for record in held])[among]
    positions = first_images[numbers] + places
    images = image_rows(
        len(numbers),
        span=np.stack([which, begins, ends], axis=1),
        label=labels,
        number=positions,
        draw=positions + repeats * first_images[-1],
    )
    columns = {
        name: [held[n].columns[name][i] for n, i in zip(which, places, strict=True)]
        for name in held[0].columns
    }
    return JpegBatch([record.data for record in held], images, columns)
