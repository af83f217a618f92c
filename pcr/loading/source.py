"""Sources of JPEGs: minibatches of one rank's share, for DALI or for our own decoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least
from pcr.errors import UsageError
from pcr.loading.batch_sizes import BatchSizes
from pcr.loading.drawing import Drawing
from pcr.loading.epochs import EpochIterator, Epochs
from pcr.loading.jpeg_batch import JpegBatch, Plan, as_it_is
from pcr.loading.lanes import Division, Lanes, parse, plain
from pcr.loading.level_mix import Scans
from pcr.loading.read_ahead import Reading
from pcr.loading.rounds import ShareOrder

BatchT = TypeVar("BatchT")
DaliBatch: TypeAlias = Any
"""What DALI takes: JPEGs, each of shape (bytes,), and their labels, each of shape (1,).

With columns, a dictionary that has them too.
"""


@dataclass(frozen=True)
class Resumed:
    """Where in an epoch a state was loaded: before batch ``first_batch``, with these lanes left."""

    epoch: int
    first_batch: int
    lanes: Lanes


class JpegSource(EpochIterator[DaliBatch]):
    """One rank's share of a data set in an order drawn from (seed, epoch), dealt out in batches.

    Each ``for`` loop over it is one epoch; after a loop that was left early, the next one begins
    the next epoch. ``next()`` gives batches without a loop: StopIteration ends an epoch, and the
    call after it begins the next. The source knows where its reader stands: a loader counts here
    what it hands out. docs/reference/format.md tells how a share is dealt into batches.
    """

    def __init__(self, drawing: Drawing, reading: Reading) -> None:
        self.drawing, self._reading = drawing, reading
        self._resumed: Resumed | None = None
        self._epochs = Epochs(len(self))
        self._without_loop: Generator[DaliBatch, None, None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_without_loop": None}

    @abstractmethod
    def read(
        self, epoch: int, first_batch: int = 0, plan: Plan = as_it_is
    ) -> Generator[JpegBatch, None, None]:
        """The batches of an epoch from ``first_batch`` on, planned; closing it ends its thread."""

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
    def n_scans(self) -> int | dict[int, float] | None:
        """Levels that are read; a new value holds from the next record read."""
        return None

    @n_scans.setter
    def n_scans(self, n_scans: Scans | None) -> None:
        if n_scans is not None:
            raise UsageError(
                f"expected a PCR dataset to read {n_scans} scans of, found images", "n_scans"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read beside the images."""
        return ()

    @property
    @abstractmethod
    def checksum(self) -> str:
        """A short text that another data set, even of as many images, does not have."""

    @property
    def batch_size(self) -> int:
        """The images of full batches."""
        return self.drawing.batch_size

    @property
    def seed(self) -> int:
        """The seed of the order."""
        return self.drawing.order.seed

    @property
    def rank(self) -> int:
        """The number of the share that an epoch that begins now takes."""
        return self.drawing.ranks.of_reader()[0]

    @property
    def world_size(self) -> int:
        """How many shares an epoch that begins now has."""
        return self.drawing.ranks.of_reader()[1]

    @property
    def batch_sizes(self) -> BatchSizes:
        """The images of each batch of this rank in a whole epoch."""
        return self.drawing.divided().batch_sizes(self.rank)

    @property
    def num_images(self) -> int:
        """The images of this rank's share."""
        return sum(lane.images for lane in self.drawing.divided().block(self.rank))

    @property
    def total_images(self) -> int:
        """The images of all ranks."""
        return len(self.drawing.order)

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
    def position(self) -> tuple[int, int]:
        """The epoch and the number of the next batch."""
        return self._epochs.position

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self.position[0]

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Let the next ``iter()`` begin this epoch, at a batch; the epoch under way ends.

        Raises UsageError where there is no such batch.
        """
        self.enter(epoch, first_batch)
        self._resumed = None

    def enter(self, epoch: int, batch: int) -> None:
        """As `set_epoch`, but an epoch that a state was loaded for stays divided as that says."""
        self._without_loop = None
        self._epochs.batches = len(self)
        self._epochs.set(epoch, batch)

    def share(self, epoch: int, first_batch: int = 0) -> ShareOrder:
        """What this rank draws of an epoch from a batch on."""
        division, batch = self._division(epoch, first_batch)
        return ShareOrder(self.drawing.order_of(epoch), division.block_after(self.rank, batch))

    def sizes(self, epoch: int, first_batch: int = 0) -> Iterator[int]:
        """The images of each batch of this rank's share of an epoch from a batch on."""
        division, batch = self._division(epoch, first_batch)
        return division.batch_sizes(self.rank).from_batch(batch)

    def _division(self, epoch: int, batch: int) -> tuple[Division, int]:
        """How an epoch is divided at one of its batches, and which batch of that this is."""
        resumed = self._resumed
        if resumed and resumed.epoch == epoch and resumed.first_batch <= batch:
            return self.drawing.divided(resumed.lanes), batch - resumed.first_batch
        return self.drawing.divided(), batch

    def state_dict(self) -> dict[str, Any]:
        """Where the source stands, as plain values. Batches that are made ahead do not count."""
        return self.state_at(*self.position)

    def state_at(self, epoch: int, batch: int) -> dict[str, Any]:
        """The state before a batch; it serves every rank of any number of them."""
        division, batches = self._division(epoch, batch)
        position = {"epoch": epoch, "batch": batch, "n_scans": self.n_scans}
        streams = {"canonical_streams": self.drawing.streams}
        return position | self._identity() | streams | plain(division.after(batches))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``iter()`` resume where ``state`` was taken, on any number of ranks.

        Where batches have other sizes now, they are renumbered. Raises UsageError where the state is
        of another data set, or of another order.
        """
        streams = self._check_identity(state)
        check_at_least(0, epoch=state.get("epoch"), batch=state.get("batch"))
        drawing = replace(self.drawing, canonical_streams=streams)
        lanes = parse(state, drawing.order_of(0))
        self.n_scans = state.get("n_scans")
        self.drawing, epoch = drawing, int(state["epoch"])
        left_batches = len(drawing.divided(lanes).batch_sizes(0))
        self.enter(epoch, len(self) - left_batches)
        is_whole = sum(lane.left for lane in lanes) == self.total_images
        self._resumed = None if is_whole else Resumed(epoch, len(self) - left_batches, lanes)

    def _identity(self) -> dict[str, Any]:
        """What a state and the source that loads it have in common."""
        order = self.drawing.order
        return {
            "images": self.total_images,
            "records": len(order.record_sizes),
            "checksum": self.checksum,
            "seed": order.seed,
            "shuffle": order.shuffle,
            "shuffle_buffer_records": order.shuffle_buffer_records,
            "selection": order.selection and order.selection.checksum,
        }

    def _check_identity(self, state: dict[str, Any]) -> int:
        """The number of streams in a state; UsageError where it does not fit this source."""
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise UsageError(f"expected {value} as here, found {state.get(name)}", name)
        streams, own = state.get("canonical_streams"), self.drawing.canonical_streams
        check_at_least(1, canonical_streams=streams)
        if own not in (None, streams):
            raise UsageError(f"expected {own} as here, found {streams}", "canonical_streams")
        return int(streams)  # type: ignore[arg-type]  # checked

    def begin(
        self, run: Callable[[int, int], Generator[BatchT, None, None]]
    ) -> Generator[BatchT, None, None]:
        """The next epoch: ``run(epoch, first_batch)`` yields batches and counts them."""
        self._without_loop = None
        self._epochs.batches = len(self)
        return self._epochs.begin(run)

    def count(self) -> None:
        """One more batch is handed out."""
        self._epochs.count()

    def __len__(self) -> int:
        """Batches per epoch, as of the ranks there are now; the same on all of them."""
        return len(self.drawing.divided().batch_sizes(0))

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


def _handed_out(
    batches: Generator[JpegBatch, None, None], epochs: Epochs
) -> Generator[DaliBatch, None, None]:
    # Not a method: a generator that held its source would keep it, and its thread, alive.
    with closing(batches):
        for batch in batches:
            epochs.count()
            labels = list(batch.images["label"].astype(np.int32).reshape(-1, 1))
            named = {"images": batch.jpegs, "labels": labels, **batch.columns}
            yield named if batch.columns else (batch.jpegs, labels)
