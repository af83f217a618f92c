"""Retries: how often and how long what may pass is tried again, and what is said in the end."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pcr.errors import FormatError, StorageError
from pcr.storage.counters import Counters

T = TypeVar("T")


class PassingFault(Exception):  # noqa: N818 - never leaves this folder
    """A fault that may be gone at the next try: a dropped connection, a busy server."""


FETCHES = 3
"""How often bytes are fetched whose checksum tells that they are damaged.

Where 1 % of the answers are, two would end one of ten epochs of 1000 records; three, one of 1000.
"""

_this_thread = threading.local()


def give_up_when(nobody_waits: Callable[[], bool]) -> None:
    """Let no retry begin on this thread once ``nobody_waits`` for what it reads."""
    _this_thread.nobody_waits = nobody_waits


def nobody_waits() -> Callable[[], bool]:
    """What was given to `give_up_when` on this thread."""
    return getattr(_this_thread, "nobody_waits", bool)  # bool() is False


def fetch_whole(
    fetch: Callable[[], T], counters: Counters, forget: Callable[[], None] = lambda: None
) -> T:
    """What ``fetch`` returns, called again, after ``forget``, where it raises FormatError.

    A network, or a cache, may damage what is whole where it lies. Raises FormatError where it is
    damaged every time.
    """
    for _ in range(FETCHES - 1):
        try:
            return fetch()
        except FormatError:
            counters.add(retries=1)
            forget()
    try:
        return fetch()
    except FormatError as error:
        raise FormatError(f"{error} (also when fetched again)") from None


@dataclass(frozen=True)
class Retries:
    """How patient a remote store is.

    tries: of one request, the first included. first_pause_seconds: the longest pause before the
    second try; it doubles with each try, up to longest_pause_seconds, and each pause is drawn
    evenly from 0 to that, so that many readers don't return at once. silence_seconds: ends a try in
    which nothing arrives for so long. total_seconds: after so long, no other try begins.
    """

    tries: int = 5
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0
    silence_seconds: float = 10.0
    total_seconds: float = 60.0

    def run(self, attempt: Callable[[], T], what: str, counters: Counters) -> T:
        """What ``attempt`` returns, tried again after each PassingFault.

        Raises StorageError, which says ``what`` was tried and how often, after the last try.
        """
        begun = time.monotonic()
        tries = 1
        while True:
            counters.add(requests=1)
            try:
                return attempt()
            except PassingFault as fault:
                elapsed = time.monotonic() - begun
                if tries >= self.tries or elapsed >= self.total_seconds or nobody_waits()():
                    raise StorageError(
                        f"{what}: {fault} (tried {tries} times in {elapsed:.1f} s)"
                    ) from None
            time.sleep(self._pause_seconds(tries))
            counters.add(retries=1)
            tries += 1

    def _pause_seconds(self, tries: int) -> float:
        doubled = self.first_pause_seconds * 2.0 ** min(tries - 1, 64)
        return random.uniform(0, min(self.longest_pause_seconds, doubled))
