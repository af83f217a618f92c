"""KeptThreads: threads that are started once, not for each piece of work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


class KeptThreads:
    """A pool of threads, started at first use. Forked children and pickled copies start their own."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._process = 0
        self._pool: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
        """What ``function`` makes of each item, in their order, of several at once."""
        if self._pool is None or self._process != os.getpid():
            self._pool, self._process = ThreadPoolExecutor(self._threads), os.getpid()
        return self._pool.map(function, items)

    def __reduce__(self) -> tuple[type[KeptThreads], tuple[int]]:
        return KeptThreads, (self._threads,)
