"""Sources of JPEGs: minibatches of one rank's share, for DALI or for our own decoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least
from pcr.errors import UsageError
from pcr.loading.epochs import EpochIterator, Epochs
from pcr.loading.order import EpochOrder, batch_count, batch_sizes
from pcr.loading.read_ahead import Reading

BatchT = TypeVar("BatchT")
DaliBatch: TypeAlias = tuple[list[NDArray[np.uint8]], list[NDArray[np.int32]]]
"""What DALI takes: JPEGs, each of shape (bytes,), and their labels, each of shape (1,)."""


@dataclass(frozen=True)
class JpegBatch:
    """JPEGs as they lie in storage: uint8 arrays of shape (bytes,).

    labels: int64 of shape (n,); images: int64 of shape (n,), each image's position in the data set.
    """

    jpegs: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]
    images: NDArray[np.int64]

    def only(self, place: int) -> JpegBatch:
        """The batch of one of its images."""
        one = slice(place, place + 1)
        return JpegBatch(self.jpegs[one], self.labels[one], self.images[one])


class JpegSource(EpochIterator[DaliBatch]):
    """One rank's share of a data set in an order drawn from (seed, epoch), dealt out in batches.

    Each ``for`` loop over it is one epoch; after a loop that was left early, the next one begins
    the next epoch. ``next()`` gives batches without a loop: StopIteration ends an epoch, and the
    call after it begins the next. The source knows where its reader stands: a loader counts here
    what it hands out. docs/FORMAT.md tells how a share is dealt into batches.

    batch_size: of full batches. batch_sizes: the images of each of this rank's batches.
    """

    def __init__(
        self,
        order: EpochOrder,
        batch_size: int,
        reading: Reading,
        sizes: Sequence[int],
        *,
        drop_last: bool = False,
    ) -> None:
        self.order, self.batch_size, self.drop_last = order, batch_size, drop_last
        self.batch_sizes = list(sizes)
        self._reading = reading
        self._epochs = Epochs(len(self.batch_sizes))
        self._without_loop: Generator[DaliBatch, None, None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_without_loop": None}

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
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the label."""

    @property
    def levels(self) -> int | None:
        """Levels that the data has; None where it has none."""
        return None

    @property
    def n_scans(self) -> int | None:
        """Levels that are read; a new value holds from the next record read."""
        return None

    @n_scans.setter
    def n_scans(self, n_scans: int | None) -> None:
        if n_scans is not None:
            raise UsageError(
                f"expected a PCR dataset to read {n_scans} scans of, found images", "n_scans"
            )

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
        """Bytes of files that were asked for so far, read ahead included."""
        return self._reading.bytes_read

    @property
    def read_wait_seconds(self) -> float:
        """How long batches waited for files so far."""
        return self._reading.wait_seconds

    @property
    def requests(self) -> int:
        """Requests that were sent to servers so far."""
        return 0

    @property
    def retries(self) -> int:
        """Requests that were repeated so far, because they failed or brought damaged bytes."""
        return 0

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._epochs.position[0]

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Let the next ``iter()`` begin this epoch, at a batch; the epoch under way ends.

        Raises UsageError where there is no such batch.
        """
        self._without_loop = None
        self._epochs.set(epoch, first_batch)

    def state_dict(self) -> dict[str, Any]:
        """Where the source stands, as plain values. Batches that are made ahead do not count."""
        epoch, batch = self._epochs.position
        return {"epoch": epoch, "batch": batch, "n_scans": self.n_scans, **self.drawing()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``iter()`` resume where ``state`` was taken.

        Raises UsageError where the state is of a source that draws other batches.
        """
        self.check_drawing(state)
        epoch, batch = state.get("epoch"), state.get("batch")
        check_at_least(0, epoch=epoch, batch=batch)
        self.n_scans = state.get("n_scans")
        self.set_epoch(int(epoch), int(batch))  # type: ignore[arg-type]

    def drawing(self) -> dict[str, Any]:
        """What decides which batches come, without the rank: one state serves all."""
        return {
            "images": self.total_images,
            "records": len(self.order.record_sizes),
            "seed": self.order.seed,
            "world_size": self.order.world_size,
            "shuffle": self.order.shuffle,
            "shuffle_buffer_records": self.order.shuffle_buffer_records,
            "batch_size": self.batch_size,
            "drop_last": self.drop_last,
        }

    def check_drawing(self, state: dict[str, Any]) -> None:
        """UsageError where `state` holds the `drawing` of a source that gives other batches."""
        for name, value in self.drawing().items():
            if state.get(name) != value:
                raise UsageError(f"expected {value} as here, found {state.get(name)}", name)

    def begin(
        self, run: Callable[[int, int], Generator[BatchT, None, None]]
    ) -> Generator[BatchT, None, None]:
        """The next epoch: ``run(epoch, first_batch)`` yields batches and counts them."""
        self._without_loop = None
        return self._epochs.begin(run)

    def count(self) -> None:
        """One more batch is handed out."""
        self._epochs.count()

    def __len__(self) -> int:
        return len(self.batch_sizes)

    def __iter__(self) -> Generator[DaliBatch, None, None]:
        return self.begin(lambda *position: _handed_out(self.read(*position), self._epochs))

    def __next__(self) -> DaliBatch:
        if self._without_loop is None:
            self._without_loop = iter(self)
        try:
            return next(self._without_loop)
        except StopIteration:
            self._without_loop = None
            raise

    def close(self) -> None:
        """End the epoch under way and its background thread."""
        self._without_loop = None
        self._epochs.close()


def share_sizes(order: EpochOrder, batch_size: int, *, drop_last: bool = False) -> list[int]:
    """How many images each batch of a rank's share has. UsageError for a batch size below 1."""
    check_at_least(1, batch_size=batch_size)
    images, world_size = sum(order.record_sizes), order.world_size
    if drop_last:
        return [batch_size] * (images // world_size // batch_size)
    return batch_sizes(len(order), batch_count(images, world_size, batch_size), batch_size)


def _handed_out(
    batches: Generator[JpegBatch, None, None], epochs: Epochs
) -> Generator[DaliBatch, None, None]:
    # Not a method: a generator that held its source would keep it, and its thread, alive.
    with closing(batches):
        for batch in batches:
            epochs.count()
            yield batch.jpegs, list(batch.labels.astype(np.int32).reshape(-1, 1))
