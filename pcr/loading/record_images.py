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
from pcr.extension import native
from pcr.loading.jpeg_batch import JpegBatch, image_rows, stacked
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

    def read(number: int) -> tuple[JpegBatch, int]:
        record, level = dataset.records[number], reading.mix.draw(order.order.level_random(number))
        images = record.read(level, columns=columns, verify=reading.verify_checksums)
        return _whole_record(images, first_images[number]), record.bytes_to_read(level, columns)

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
        window: dict[int, JpegBatch] = {}
        for drawn in chain(begun, rounds):
            for record in drawn.reads:
                window[record] = reading.receive(arrivals)
            if len(drawn):
                yield _images_of(drawn, window, first_images[-1])
            for record in drawn.forget:
                del window[record]


def _first_rounds(rounds: Iterator[Round], images: int) -> Iterator[Round]:
    """The first rounds that have so many images together, or all."""
    while images > 0 and (drawn := next(rounds, None)) is not None:
        yield drawn
        images -= len(drawn)


def _whole_record(record: RecordImages, first_image: int) -> JpegBatch:
    spans = np.zeros((len(record), 3), dtype=np.int64)
    spans[:, 1], spans[:, 2] = record.offsets[:-1], record.offsets[1:]
    images = image_rows(
        len(record),
        span=spans,
        label=record.labels,
        number=first_image + np.arange(len(record)),
        size=native.picture_sizes([record.data], spans),
    )
    return JpegBatch([record.data], images, record.columns)


def _images_of(drawn: Round, window: Mapping[int, JpegBatch], total: int) -> JpegBatch:
    """The images of a round, from whole records; ``total``: the images of the data set."""
    numbers, places, repeats = drawn.drawn
    records = sorted(window)
    held = [window[record] for record in records]
    which = np.searchsorted(records, numbers)
    starts = np.cumsum([0, *map(len, held)])
    images = stacked([record.images for record in held])[starts[which] + places]
    images["span"][:, 0] = which
    images["draw"] = images["number"] + repeats * total
    columns = {
        name: [held[n].columns[name][i] for n, i in zip(which, places, strict=True)]
        for name in held[0].columns
    }
    return JpegBatch([data for record in held for data in record.buffers], images, columns)
