"""PCRIterator: shuffled minibatches of JPEG bytes and labels, read ahead in the background."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pcr.epochs import Batch, EpochIterator
from pcr.errors import UsageError
from pcr.reader import Dataset, RecordImages
from pcr.sampler import EpochOrder, batch_count, batch_sizes

T = TypeVar("T")
DrawnImage = tuple[RecordImages, int, int]
"""An image of an epoch: its record as read, the record's number, its position in the record."""


@dataclass
class Reading:
    """How records are read, and what that took so far."""

    level: int
    verify_checksums: bool = True
    read_ahead_records: int = 2
    bytes_read: int = 0
    wait_seconds: float = 0.0

    def receive(self, arrivals: Iterator[tuple[RecordImages, int]]) -> RecordImages:
        """The next record that was read ahead; waiting for it and its bytes are counted."""
        asked = time.perf_counter()
        images, prefix_bytes = next(arrivals)
        self.wait_seconds += time.perf_counter() - asked
        self.bytes_read += prefix_bytes
        return images


class PCRIterator(EpochIterator):
    """Minibatches of one rank's share of a dataset; each ``for`` loop over it is one epoch.

    A batch is ``(jpegs, labels)``: lists of uint8 arrays of shape (bytes,), each a whole JPEG, and of
    int32 arrays of shape (1,), as DALI's external source takes them. The arrays are views of a record's
    buffer. Every image of the share comes once per epoch, in an order drawn from (seed, epoch). All
    ranks have the same number of batches; docs/FORMAT.md tells how a share is dealt into batches.
    """

    def __init__(
        self,
        root_dir: str | os.PathLike[str],
        batch_size: int,
        n_scans: int | None = None,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
        shuffle_buffer_records: int = 4,
        read_ahead_records: int = 2,
        verify_checksums: bool = True,
    ) -> None:
        """Open the dataset in ``root_dir``; ``n_scans`` levels of it are read, all for None.

        Raises DatasetError where there is no finished dataset, UsageError where an argument is out of range.
        """
        super().__init__()
        self.dataset = Dataset(root_dir)
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("seed", seed, 0),
            ("shuffle_buffer_records", shuffle_buffer_records, 1),
            ("read_ahead_records", read_ahead_records, 1),
        ):
            if value < least:
                raise UsageError(f"{name}: expected {least} or more, found {value}")
        self.batch_size = batch_size
        self._reading = Reading(
            self.dataset.check_level(n_scans), verify_checksums, read_ahead_records
        )
        self._order = EpochOrder(
            tuple(record.images for record in self.dataset.records),
            seed,
            rank=rank,
            world_size=world_size,
            shuffle=shuffle,
            window_records=shuffle_buffer_records,
        )

    @property
    def n_scans(self) -> int:
        """The level at which records are read; a new value holds from the next record read."""
        return self._reading.level

    @n_scans.setter
    def n_scans(self, n_scans: int | None) -> None:
        self._reading.level = self.dataset.check_level(n_scans)

    @property
    def bytes_read(self) -> int:
        """Bytes of record files that were asked for so far."""
        return self._reading.bytes_read

    @property
    def wait_seconds(self) -> float:
        """How long batches waited for records so far."""
        return self._reading.wait_seconds

    @property
    def levels(self) -> int:
        """The number of levels of the dataset, the greatest ``n_scans``."""
        return self.dataset.levels

    @property
    def class_names(self) -> list[str]:
        """The dataset's class names; the position is the label."""
        return list(self.dataset.class_names)

    @property
    def num_images(self) -> int:
        """The images of this rank's share."""
        return len(self._order)

    @property
    def batch_sizes(self) -> list[int]:
        """Images of each of this rank's batches."""
        batches = batch_count(len(self.dataset), self._order.world_size, self.batch_size)
        return batch_sizes(self.num_images, batches, self.batch_size)

    def _open(self, epoch: int, first_batch: int) -> Iterator[Batch]:
        sizes = self.batch_sizes
        images = draw_images(
            self.dataset,
            replace(self._order, epoch=epoch),
            self._reading,
            skip=sum(sizes[:first_batch]),
        )
        return _batches(images, sizes[first_batch:])


def _batches(images: Iterator[DrawnImage], sizes: Sequence[int]) -> Iterator[Batch]:
    # A function and no method: a generator that held its iterator would keep it, and its thread, alive.
    for size in sizes:
        drawn = [next(images) for _ in range(size)]
        yield (
            [record[image] for record, _, image in drawn],
            [record.labels[image : image + 1] for record, _, image in drawn],
        )


def draw_images(
    dataset: Dataset, order: EpochOrder, reading: Reading, *, skip: int = 0
) -> Iterator[DrawnImage]:
    """One rank's share of an epoch image by image, without its first ``skip``."""

    def read(record: int) -> tuple[RecordImages, int]:
        level = reading.level
        images = dataset.read(record, level, verify=reading.verify_checksums)
        return images, dataset.records[record].prefix_bytes[level]

    reads = (record for drawn in order.rounds(skip) for record in drawn.reads)
    with ReadAhead(read, reads, reading.read_ahead_records) as arrivals:
        window: dict[int, RecordImages] = {}
        for drawn in order.rounds(skip):
            for record in drawn.reads:
                window[record] = reading.receive(arrivals)
            for record, image in zip(drawn.records.tolist(), drawn.images.tolist(), strict=True):
                yield window[record], record, image
            for record in drawn.forget:
                del window[record]


class ReadAhead(Generic[T]):
    """The results of ``read`` over ``items``, in order, up to ``depth`` of them made ahead by a thread."""

    def __init__(self, read: Callable[[int], T], items: Iterable[int], depth: int) -> None:
        self._read = read
        self._items = iter(items)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="pcr-read")
        self._pending: deque[Future[T]] = deque()
        for _ in range(depth):
            self._submit()

    def _submit(self) -> None:
        for item in self._items:
            self._pending.append(self._executor.submit(self._read, item))
            return

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if not self._pending:
            raise StopIteration
        result = self._pending.popleft().result()
        self._submit()
        return result

    def __enter__(self) -> ReadAhead[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)
