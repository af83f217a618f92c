"""PCRIterator: shuffled minibatches of JPEG bytes and labels, read ahead in the background."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pcr.errors import UsageError
from pcr.reader import Dataset, RecordImages
from pcr.sampler import EpochOrder, batch_count, batch_sizes

T = TypeVar("T")
Batch = tuple[list[NDArray[np.uint8]], list[NDArray[np.int32]]]


class PCRIterator:
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
        self.n_scans = n_scans
        self.bytes_read = 0
        self.wait_seconds = 0.0
        self._verify = verify_checksums
        self._read_ahead = read_ahead_records
        self._order = EpochOrder(
            tuple(record.images for record in self.dataset.records),
            seed,
            rank=rank,
            world_size=world_size,
            shuffle=shuffle,
            window_records=shuffle_buffer_records,
        )
        self._epoch = 0
        self._first_batch = 0
        self._batches: Iterator[Batch] | None = None

    @property
    def n_scans(self) -> int:
        """The level at which records are read; a new value holds from the next record read."""
        return self._level

    @n_scans.setter
    def n_scans(self, n_scans: int | None) -> None:
        self._level = self.dataset.check_level(n_scans)

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
    def epoch(self) -> int:
        """The epoch that is under way, or that the next ``iter()`` begins."""
        return self._epoch

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Go to the beginning of ``epoch``, or to one of its later batches."""
        if epoch < 0 or not 0 <= first_batch <= len(self):
            raise UsageError(
                f"expected an epoch of 0 or more and a batch between 0 and {len(self)}, "
                f"found {epoch} and {first_batch}"
            )
        self._end()
        self._epoch, self._first_batch = epoch, first_batch

    def __len__(self) -> int:
        """Batches per epoch, the same on all ranks."""
        return batch_count(len(self.dataset), self._order.world_size, self.batch_size)

    def __iter__(self) -> PCRIterator:
        if self._batches is None:
            self._batches = self._epoch_batches()
        return self

    def __next__(self) -> Batch:
        if self._batches is None:
            raise StopIteration
        try:
            return next(self._batches)
        except StopIteration:
            self.set_epoch(self._epoch + 1)
            raise

    def close(self) -> None:
        """End the epoch under way and its background thread."""
        self._end()

    def __enter__(self) -> PCRIterator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _end(self) -> None:
        if self._batches is not None:
            self._batches.close()  # type: ignore[attr-defined]
        self._batches = None

    def _epoch_batches(self) -> Iterator[Batch]:
        sizes = batch_sizes(self.num_images, len(self), self.batch_size)
        skip = sum(sizes[: self._first_batch])
        images = self._draw(skip)
        for size in sizes[self._first_batch :]:
            batch = [next(images) for _ in range(size)]
            yield [jpeg for jpeg, _ in batch], [label for _, label in batch]

    def _draw(self, skip: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int32]]]:
        """The share's images one by one, without the first ``skip``."""
        rounds = EpochOrder(**{**vars(self._order), "epoch": self._epoch}).rounds
        reads = (record for drawn in rounds(skip) for record in drawn.reads)
        with ReadAhead(self._read, reads, self._read_ahead) as arrivals:
            window: dict[int, RecordImages] = {}
            for drawn in rounds(skip):
                for record in drawn.reads:
                    window[record] = self._receive(arrivals)
                for record, image in zip(
                    drawn.records.tolist(), drawn.images.tolist(), strict=True
                ):
                    arrived = window[record]
                    yield arrived[image], arrived.labels[image : image + 1]
                for record in drawn.forget:
                    del window[record]

    def _read(self, record: int) -> tuple[RecordImages, int]:
        level = self._level
        images = self.dataset.read(record, level, verify=self._verify)
        return images, self.dataset.records[record].prefix_bytes[level]

    def _receive(self, arrivals: Iterator[tuple[RecordImages, int]]) -> RecordImages:
        asked = time.perf_counter()
        images, prefix_bytes = next(arrivals)
        self.wait_seconds += time.perf_counter() - asked
        self.bytes_read += prefix_bytes
        return images


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
