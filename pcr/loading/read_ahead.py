"""Reading in the background: what one thread makes ahead, and how long it was waited for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
T = TypeVar("T")


class ReadAhead(Generic[ItemT, T]):
    """The results of ``read`` over ``items``, in order; a thread makes ``depth`` of them ahead."""

    def __init__(self, read: Callable[[ItemT], T], items: Iterable[ItemT], depth: int) -> None:
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

    def __enter__(self) -> ReadAhead[ItemT, T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)


@dataclass
class Reading:
    """What reading took so far."""

    bytes_read: int = 0
    wait_seconds: float = 0.0

    def receive(self, arrivals: Iterator[tuple[T, int]]) -> T:
        """The next of what was read ahead with its bytes; they and the waiting are counted."""
        asked = time.perf_counter()
        result, size = next(arrivals)
        self.wait_seconds += time.perf_counter() - asked
        self.bytes_read += size
        return result
