"""What iterators over batches of JPEGs have in common: epochs that end, follow each other and can be entered midway."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pcr.errors import UsageError

Batch = tuple[list[NDArray[np.uint8]], list[NDArray[np.int32]]]
"""JPEGs, each of shape (bytes,), and their labels, each of shape (1,)."""


class EpochIterator(ABC):
    """Batches of one rank's share of a data set; each ``for`` loop over it is one epoch."""

    def __init__(self) -> None:
        self._epoch = 0
        self._first_batch = 0
        self._batches: Iterator[Batch] | None = None

    @property
    @abstractmethod
    def batch_sizes(self) -> list[int]:
        """Images of each of this rank's batches; as many batches on every rank, so one may be empty."""

    @abstractmethod
    def _open(self, epoch: int, first_batch: int) -> Iterator[Batch]:
        """The batches of an epoch from ``first_batch`` on."""

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
        self.close()
        self._epoch, self._first_batch = epoch, first_batch

    def __len__(self) -> int:
        """Batches per epoch, the same on all ranks."""
        return len(self.batch_sizes)

    def __iter__(self) -> Self:
        if self._batches is None:
            self._batches = self._open(self._epoch, self._first_batch)
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
        # Dropping the generator closes it, and with it the thread that reads ahead.
        self._batches = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
