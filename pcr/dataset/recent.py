"""RecentValues: what was made last, of a limited number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentValues(Generic[T]):
    """Values that are kept until others need the room; the newest stays, however large it is.

    Without a lock, which a child that is forked while a thread holds it would inherit locked: two
    threads may make the same value at once.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held: dict[Hashable, tuple[T, int]] = {}
        self._held_bytes = 0

    def get(self, key: Hashable, make: Callable[[], tuple[T, int]]) -> T:
        """The value of a key; where there is none, what ``make`` returns, with its size in bytes."""
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = make()
            self._held_bytes += found[1]
            if self._held_bytes > self._limit_bytes:
                self._halve()
        return found[0]

    def _halve(self) -> None:
        """Keep the newest, and those before it that fit in half of the limit."""
        newest_first = [*self._held.items()][::-1]
        reached = accumulate(size for _, (_, size) in newest_first)
        fitting = sum(reached_bytes <= self._limit_bytes // 2 for reached_bytes in reached)
        kept = newest_first[: max(fitting, 1)]
        self._held = dict(kept[::-1])
        self._held_bytes = sum(size for _, (_, size) in kept)
