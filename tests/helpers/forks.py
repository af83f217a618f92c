"""Children forked in mid-epoch: what each does with the loader it inherits, and how it ends."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from pcr.loading.loader import Loader

DEADLINE_SECONDS = 60


class Inherited:
    """A loader and the iterator of the epoch that it is in the midst of."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.batches: Iterator[Any] | None = None
        self.step()

    def step(self) -> None:
        """Go on by one batch; after the last, begin the next epoch."""
        if self.batches is None or next(self.batches, None) is None:
            self.batches = iter(self.loader)
            next(self.batches)


def leave(held: Inherited) -> None:
    """End with everything in place."""


def close(held: Inherited) -> None:
    """Close the loader."""
    held.loader.close()
    assert held.batches is not None and next(held.batches, None) is None


def drop(held: Inherited) -> None:
    """Drop the iterator, then the loader."""
    held.batches = None
    del held.loader
    gc.collect()


def iterate(held: Inherited) -> None:
    """Load a whole epoch."""
    assert sum(len(labels) for _, labels in held.loader) == held.loader.source.num_images


MODES: dict[str, Callable[[Inherited], None]] = {
    function.__name__: function for function in (leave, close, drop, iterate)
}


def fork(mode: str, held: Inherited) -> int:
    """The id of a child that does this and then ends as interpreters do, with what it was given."""
    child = os.fork()
    if child == 0:
        try:
            MODES[mode](held)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        sys.exit(0)
    return child


def ending(child: int) -> str:
    """How a child ended: "", or what was wrong; one that hangs is killed."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return "" if code == 0 else f"exit code {code}"
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"
