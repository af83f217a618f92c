"""JpegBatch: the images of a batch as they lie in storage, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnValues
from pcr.extension import native

IMAGE: np.dtype[np.void] = native.BATCH_IMAGE
"""An image of a batch.

span: which buffer it lies in, its first byte there, and the byte after its last one. label: its
class. number: its position in the data set. draw: a number that no two draws of an epoch share, on
which its random numbers depend; the position, where the epoch has every image once. size: width
and height as stored, 0 where no frame header is found.

What a decoder plans: box: the window as x, y, width and
height. flip: whether it is mirrored. orientation: of EXIF, 1 … 8.
"""


@dataclass(frozen=True)
class JpegBatch:
    """JPEGs as they lie in storage: spans of a few buffers.

    buffers: uint8 arrays of shape (bytes,). images: of type `IMAGE` and shape (n,).
    columns: the values of those that were asked for.
    """

    buffers: Sequence[NDArray[np.uint8]]
    images: NDArray[np.void]
    columns: Mapping[str, ColumnValues] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def jpegs(self) -> list[NDArray[np.uint8]]:
        """Each JPEG, without a copy."""
        spans = self.images["span"].tolist()
        return [self.buffers[buffer][low:high] for buffer, low, high in spans]

    def __getitem__(self, part: slice) -> JpegBatch:
        """Some of its images."""
        columns = {name: values[part] for name, values in self.columns.items()}
        return JpegBatch(self.buffers, self.images[part], columns)


Plan: TypeAlias = Callable[[JpegBatch], JpegBatch]
"""Completes images as they arrive, those of a record at once rather than batch by batch."""


def as_it_is(images: JpegBatch) -> JpegBatch:
    """A plan that leaves them."""
    return images


def image_rows(count: int, **values: Any) -> NDArray[np.void]:
    """So many images of type `IMAGE` with the values that are given, the others 0."""
    images = np.zeros(count, dtype=IMAGE)
    for name, value in values.items():
        images[name] = value
    return images


def stacked(rows: Sequence[NDArray[np.void]]) -> NDArray[np.void]:
    """Images one after another."""
    return np.concatenate(rows, dtype=IMAGE)  # which else drops the type's padding


def whole_buffers(buffers: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Spans of buffers that are a JPEG each."""
    spans = [(number, 0, len(buffer)) for number, buffer in enumerate(buffers)]
    return np.array(spans, dtype=np.int64).reshape(-1, 3)


def no_images(columns: Iterable[str] = ()) -> JpegBatch:
    """An empty batch."""
    return JpegBatch((), image_rows(0), {name: [] for name in columns})


def joined(first: JpegBatch, second: JpegBatch) -> JpegBatch:
    """The images of two batches whose columns are lists."""
    if not len(first):
        return second
    images = stacked([first.images, second.images])
    images["span"][len(first) :, 0] += len(first.buffers)
    columns = {name: [*values, *second.columns[name]] for name, values in first.columns.items()}
    return JpegBatch((*first.buffers, *second.buffers), images, columns)


def dealt(
    parts: Generator[JpegBatch, None, None],
    sizes: Iterator[int],
    plan: Plan,
    columns: Iterable[str] = (),
) -> Generator[JpegBatch, None, None]:
    """The same images, planned, in batches of other sizes; their columns are lists."""
    empty = no_images(columns)
    with closing(parts):
        rest = empty
        for size in sizes:
            batch, rest = rest[:size], rest[size:]
            while len(batch) < size:
                rest = empty  # of the last part, whose buffers go while the next one is awaited
                part = plan(next(parts))
                missing = size - len(batch)
                batch, rest = joined(batch, part[:missing]), part[missing:]
                del part
            yield batch
            del batch
