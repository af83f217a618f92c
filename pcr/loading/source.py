"""Sources of JPEGs: minibatches of one rank's share of a data set, for DALI or for our own decoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.errors import UsageError
from pcr.loading.epochs import EpochIterator
from pcr.loading.order import EpochOrder, batch_count, batch_sizes
from pcr.loading.read_ahead import Reading

DaliBatch: TypeAlias = tuple[list[NDArray[np.uint8]], list[NDArray[np.int32]]]
"""JPEGs, each of shape (bytes,), and their labels, each of shape (1,): what DALI's external source takes."""


@dataclass(frozen=True)
class JpegBatch:
    """JPEGs as they lie in storage: uint8 arrays of shape (bytes,).

    labels: int64 of shape (n,); images: int64 of shape (n,), each image's position in the data set.
    """

    jpegs: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]
    images: NDArray[np.int64]


class JpegSource(EpochIterator[DaliBatch]):
    """One rank's share of a data set in an order drawn from (seed, epoch), dealt out in batches.

    It is an iterator of its own: ``next()`` gives the next batch, and a loop that was left goes on.
    docs/FORMAT.md tells how a share is dealt into batches.
    """

    def __init__(
        self, order: EpochOrder, batch_size: int, reading: Reading, drop_last: bool = False
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise UsageError(f"batch_size: expected 1 or more, found {batch_size}")
        if order.seed < 0:
            raise UsageError(f"seed: expected 0 or more, found {order.seed}")
        self.batch_size, self.drop_last = batch_size, drop_last
        self.order = order
        self._reading = reading
        self._batches: Generator[JpegBatch, None, None] | None = None

    @abstractmethod
    def read(self, epoch: int, first_batch: int = 0) -> Generator[JpegBatch, None, None]:
        """The batches of an epoch from ``first_batch`` on; closing it ends its thread."""

    @abstractmethod
    def orientations(self, batch: JpegBatch) -> NDArray[np.uint8]:
        """The EXIF orientation of each image, 1 … 8."""

    @abstractmethod
    def error(self, image: int, message: str) -> str:
        """One line on the image at this position in the data set, which names it."""

    @property
    @abstractmethod
    def classes(self) -> list[str]:
        """Class names; the position is the label."""

    @property
    def levels(self) -> int | None:
        """Levels that the data has, None where there are no such things."""
        return None

    @property
    def n_scans(self) -> int | None:
        """Levels that are read; a new value holds from the next record read."""
        return None

    @n_scans.setter
    def n_scans(self, n_scans: int | None) -> None:
        if n_scans is not None:
            raise UsageError(f"expected a PCR dataset to read {n_scans} scans of, found images")

    @property
    def num_images(self) -> int:
        """The images of this rank's share."""
        return len(self.order)

    @property
    def total_images(self) -> int:
        """The images of all ranks."""
        return sum(self.order.record_sizes)

    @property
    def bytes_read(self) -> int:
        """Bytes of files that were asked for so far."""
        return self._reading.bytes_read

    @property
    def wait_seconds(self) -> float:
        """How long batches waited for files so far."""
        return self._reading.wait_seconds

    @property
    def batch_sizes(self) -> list[int]:
        """Images of each of this rank's batches."""
        if self.drop_last:
            full = self.total_images // self.order.world_size // self.batch_size
            return [self.batch_size] * full
        batches = batch_count(self.total_images, self.order.world_size, self.batch_size)
        return batch_sizes(self.num_images, batches, self.batch_size)

    def drawing(self) -> dict[str, Any]:
        """What must be the same for the same batches; the rank is not among it: one rank's state serves all."""
        return {
            "images": self.total_images,
            "records": len(self.order.record_sizes),
            "seed": self.order.seed,
            "world_size": self.order.world_size,
            "shuffle": self.order.shuffle,
            "shuffle_buffer_records": self.order.window_records,
            "batch_size": self.batch_size,
            "drop_last": self.drop_last,
        }

    def check_drawing(self, state: dict[str, Any]) -> None:
        """UsageError where `state` holds the `drawing` of a source that gives other batches."""
        for name, value in self.drawing().items():
            if state.get(name) != value:
                raise UsageError(f"{name}: expected {value} as here, found {state.get(name)}")

    def __iter__(self) -> Self:
        if self._batches is None:
            self._batches = self.read(*self._position)
        return self

    def __next__(self) -> DaliBatch:
        if self._batches is None:
            raise StopIteration
        epoch, batch = self._position
        try:
            read = next(self._batches)
        except StopIteration:
            self.set_epoch(epoch + 1)
            raise
        self._position = (epoch, batch + 1)
        return read.jpegs, list(read.labels.astype(np.int32).reshape(-1, 1))

    def close(self) -> None:
        """End the epoch under way and its background thread."""
        # Dropping the generator closes it, and with it the thread that reads ahead.
        self._batches = None
