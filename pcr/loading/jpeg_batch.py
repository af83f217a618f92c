"""JpegBatch: the images of a batch as they lie in storage, and what is known of them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnValues


@dataclass(frozen=True)
class JpegBatch:
    """JPEGs as they lie in storage: spans of a few buffers.

    buffers: uint8 arrays of shape (bytes,). spans: int64 of shape (n, 3): of each image which buffer
    it lies in, its first byte there, and the byte after its last one.
    labels: int64 of shape (n,). images: int64 of shape (n,), each image's position in the data set.
    draws: int64 of shape (n,), numbers that no two draws of an epoch share, on which their random
    numbers depend; the positions, where the epoch has every image once.
    columns: the values of those that were asked for.
    """

    buffers: Sequence[NDArray[np.uint8]]
    spans: NDArray[np.int64]
    labels: NDArray[np.int64]
    images: NDArray[np.int64]
    draws: NDArray[np.int64]
    columns: Mapping[str, ColumnValues] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def jpegs(self) -> list[NDArray[np.uint8]]:
        """Each JPEG, without a copy."""
        return [self.buffers[buffer][low:high] for buffer, low, high in self.spans.tolist()]

    def __getitem__(self, part: slice) -> JpegBatch:
        """Some of its images."""
        return JpegBatch(
            self.buffers,
            self.spans[part],
            self.labels[part],
            self.images[part],
            self.draws[part],
            {name: values[part] for name, values in self.columns.items()},
        )


def whole_buffers(buffers: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Spans of buffers that are a JPEG each."""
    spans = [(number, 0, len(buffer)) for number, buffer in enumerate(buffers)]
    return np.array(spans, dtype=np.int64).reshape(-1, 3)


def no_images(columns: Iterable[str] = ()) -> JpegBatch:
    """An empty batch."""
    empty = np.empty(0, dtype=np.int64)
    return JpegBatch((), empty.reshape(0, 3), empty, empty, empty, {name: [] for name in columns})


def joined(first: JpegBatch, second: JpegBatch) -> JpegBatch:
    """The images of two batches whose columns are lists."""
    if not len(first):
        return second
    shift = np.array([len(first.buffers), 0, 0])
    return JpegBatch(
        (*first.buffers, *second.buffers),
        np.concatenate([first.spans, second.spans + shift]),
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.images, second.images]),
        np.concatenate([first.draws, second.draws]),
        {name: [*values, *second.columns[name]] for name, values in first.columns.items()},
    )


def dealt(
    parts: Generator[JpegBatch, None, None], sizes: Iterator[int], columns: Iterable[str] = ()
) -> Generator[JpegBatch, None, None]:
    """The same images in batches of other sizes; their columns are lists."""
    empty = no_images(columns)
    with closing(parts):
        rest = empty
        for size in sizes:
            batch, rest = rest[:size], rest[size:]
            while len(batch) < size:
                rest = empty  # of the last part, whose buffers go while the next one is awaited
                part = next(parts)
                missing = size - len(batch)
                batch, rest = joined(batch, part[:missing]), part[missing:]
                del part
            yield batch
            del batch
