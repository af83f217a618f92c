"""The bookkeeping of everything that gives batches: epochs that end, follow each other and can be entered midway."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from pcr.errors import UsageError

BatchT = TypeVar("BatchT")


class EpochIterator(ABC, Generic[BatchT]):
    """Batches of one rank's share of a data set; each ``for`` loop over it is one epoch."""

    def __init__(self) -> None:
        self._position = (0, 0)  # epoch, and how many of its batches were handed out

    @property
    @abstractmethod
    def batch_sizes(self) -> list[int]:
        """Images of each of this rank's batches; as many batches on every rank, so one may be empty."""

    @abstractmethod
    def __iter__(self) -> Iterator[BatchT]:
        """The batches of an epoch, or what is left of it."""

    @abstractmethod
    def close(self) -> None:
        """End the epoch under way and its threads."""

    @property
    def position(self) -> tuple[int, int]:
        """The epoch and the number of the batch that comes behind the last one handed out."""
        epoch, batch = self._position
        return (epoch + 1, 0) if 0 < batch >= len(self) else (epoch, batch)

    @property
    def epoch(self) -> int:
        """The epoch under way, or the one that the next ``iter()`` begins."""
        return self.position[0]

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Let the next ``iter()`` begin this epoch, or one of its later batches; what is under way ends.

        Raises UsageError where there is no such batch.
        """
        if epoch < 0 or not 0 <= first_batch <= len(self):
            raise UsageError(
                f"expected an epoch of 0 or more and a batch between 0 and {len(self)}, "
                f"found {epoch} and {first_batch}"
            )
        self.close()
        self._position = (epoch, first_batch)

    def __len__(self) -> int:
        """Batches per epoch, the same on all ranks."""
        return len(self.batch_sizes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
