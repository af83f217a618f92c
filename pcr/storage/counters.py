"""Counters of what reading from a store took, added up by all of its threads."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any


class Counters:
    """What was asked of a store so far. Safe to use from threads, and in forked processes.

    requests: sent, repeated ones included. retries: requests that repeat one that failed, or whose
    bytes were not those of the dataset. bytes_read: of the bodies that were received.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self.bytes_read = 0
        self._renew()
        _alive.add(self)

    def __repr__(self) -> str:
        return (
            f"<Counters: {self.requests} requests, {self.retries} retries, "
            f"{self.bytes_read} bytes read>"
        )

    def add(self, *, requests: int = 0, retries: int = 0, bytes_read: int = 0) -> None:
        """Count more."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.bytes_read += bytes_read

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._renew()
        _alive.add(self)


_alive: weakref.WeakSet[Counters] = weakref.WeakSet()


def _renew_locks() -> None:
    """A child must not inherit a lock that another thread held: nobody would release it."""
    for counters in list(_alive):
        counters._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
