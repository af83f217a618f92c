"""Epochs: which one a reader of batches is in, how far it is, when the next one begins."""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from inspect import GEN_RUNNING, getgeneratorstate
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from pcr.errors import UsageError

BatchT = TypeVar("BatchT")


class Epochs:
    """Where a reader stands: the epoch, and how many of its batches were handed out.

    Each ``iter()`` begins an epoch. One that was left early is over when the next ``iter()`` comes;
    one that gave no batch begins again.
    """

    def __init__(self, batches: int) -> None:
        """``batches``: how many an epoch has."""
        self.batches = batches
        self._position = (0, 0)
        self._handed_out = False  # a batch, since the position was set
        self._running: weakref.ref[Generator[Any, None, None]] | None = None
        self._process = os.getpid()  # in which it runs

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy, which is to resume here: an epoch under way stays with who runs it."""
        return {**self.__dict__, "_running": None, "_handed_out": False}

    @property
    def position(self) -> tuple[int, int]:
        """The epoch and the number of the batch that comes after the last one handed out."""
        return self._position

    def set(self, epoch: int, first_batch: int = 0) -> None:
        """Let the next ``begin`` enter this epoch, from a batch on; the epoch under way ends.

        Raises UsageError where there is no such batch.
        """
        if epoch < 0:
            raise UsageError(f"expected 0 or more, found {epoch}", "epoch")
        if not 0 <= first_batch <= self.batches:
            raise UsageError(f"expected 0 to {self.batches}, found {first_batch}", "first_batch")
        self.close()
        self._move(epoch, first_batch)
        self._handed_out = False

    def begin(
        self, run: Callable[[int, int], Generator[BatchT, None, None]]
    ) -> Generator[BatchT, None, None]:
        """The next epoch: ``run(epoch, first_batch)`` yields batches and counts them."""
        self.close()
        epoch, batch = self._position
        if self._handed_out and batch > 0:
            self.set(epoch + 1)
        batches = run(*self._position)
        self._running, self._process = weakref.ref(batches), os.getpid()
        return batches

    def count(self) -> None:
        """A batch is handed out."""
        epoch, batch = self._position
        self._move(epoch, batch + 1)
        self._handed_out = True

    def close(self) -> None:
        """End the epoch under way, even where something else still holds its iterator."""
        batches = self._running() if self._running else None
        self._running = None
        if batches is not None and not self._runs_in_parent(batches):
            batches.close()

    def _runs_in_parent(self, batches: Generator[Any, None, None]) -> bool:
        """Whether this process was forked while another thread was in the midst of a batch."""
        return self._process != os.getpid() and getgeneratorstate(batches) == GEN_RUNNING

    def _move(self, epoch: int, batch: int) -> None:
        """After an epoch's last batch comes the first of the next one."""
        self._position = (epoch + 1, 0) if 0 < batch == self.batches else (epoch, batch)


class EpochIterator(ABC, Generic[BatchT]):
    """Gives batches, an epoch for each ``for`` loop, and has threads until it is closed."""

    __slots__ = ()

    @abstractmethod
    def __len__(self) -> int:
        """Batches per epoch, the same on all ranks."""

    @abstractmethod
    def __iter__(self) -> Iterator[BatchT]:
        """The batches of the next epoch."""

    @abstractmethod
    def close(self) -> None:
        """End the epoch under way and its threads."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
