"""A gate that keeps forks out of SQLite's calls, whose global locks a child would inherit locked."""

from __future__ import annotations

import os
import threading
import time

_PATIENCE_SECONDS = 1.0  # storage that hangs holds up a fork for no longer
_PAUSE_SECONDS = 0.0002


class ForkGate:
    """``with gate:`` around calls into a library; a fork waits until no other thread is inside.

    SQLite allocates under one lock for the whole process. Forked while a thread holds it, a child
    would wait for it forever: the thread that could release it is not there.
    """

    def __init__(self) -> None:
        self._inside: list[int] = []  # threads; changed in single steps, so it needs no lock
        self._forking = threading.Lock()
        self._forker = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._close, after_in_parent=self._open, after_in_child=self._begin_again
            )

    def __enter__(self) -> None:
        thread = threading.get_ident()
        self._inside.append(thread)
        while self._forking.locked() and self._forker != thread:
            self._inside.remove(thread)
            time.sleep(_PAUSE_SECONDS)
            self._inside.append(thread)

    def __exit__(self, *_: object) -> None:
        self._inside.remove(threading.get_ident())

    def _close(self) -> None:
        self._forking.acquire()
        self._forker = threading.get_ident()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._is_taken() and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)

    def _is_taken(self) -> bool:
        return any(thread != self._forker for thread in tuple(self._inside))

    def _open(self) -> None:
        self._forking.release()

    def _begin_again(self) -> None:
        self._inside.clear()
        self._forking = threading.Lock()
