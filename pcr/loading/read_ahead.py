"""Reading in the background: what one thread makes ahead, and how long it was waited for."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from pcr.errors import PCRError

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """The items of ``source``, in order; a thread makes ``depth`` of them ahead.

    The thread belongs to the process that made it. In a forked child there is none: there, ending a
    ReadAhead does nothing, and asking it for an item is an error.
    """

    def __init__(self, source: Generator[T, None, None], depth: int) -> None:
        self._thread = _Reader(source, depth)
        # Before the start: whatever interrupts what follows, something will end the thread.
        self._finalizer = weakref.finalize(self, self._thread.end)
        try:
            self._thread.start()
        except BaseException:  # Ctrl-C
            self._thread.end()
            raise

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return self._thread.receive()

    def __enter__(self) -> ReadAhead[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.end()
        self._finalizer.detach()


class _Reader(threading.Thread, Generic[T]):
    """Iterates over a source and closes it, so that no other thread ever touches the source.

    The two sides share queues of the C library alone, whose calls Ctrl-C can't leave half done, as
    it can those of a Condition. A daemon: the finalizer ends it, not the interpreter, which would
    wait for it before it runs finalizers.
    """

    def __init__(self, source: Generator[T, None, None], depth: int) -> None:
        super().__init__(name="pcr-read", daemon=True)
        self._source = source
        self._process, self._owner = os.getpid(), threading.current_thread()
        self._made: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()
        self._places: SimpleQueue[None] = SimpleQueue()  # one for each item that may be made
        for _ in range(depth):
            self._places.put(None)
        self._stopping = False

    def run(self) -> None:
        """Make items where there are places; what ends it comes last, StopIteration too."""
        try:
            with closing(self._source) as source:
                while self._may_make():
                    self._made.put((next(source), None))
            self._made.put((None, StopIteration()))  # for another thread that waits for an item
        except BaseException as error:
            self._made.put((None, error))

    def _may_make(self) -> bool:
        """Wait for a place, or for the end."""
        self._places.get()
        return not self._stopping

    def receive(self) -> T:
        """The next item, or what was raised in its place."""
        if self._process != os.getpid():
            raise PCRError(
                f"this epoch's threads are those of process {self._process}, which process "
                f"{os.getpid()} was forked from: begin an epoch here with iter()"
            )
        if self._stopping:
            raise StopIteration
        item, error = self._made.get()
        if error is not None:
            self._stopping = True
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        self._places.put(None)
        return item  # type: ignore[return-value]

    def end(self) -> None:
        """Let the thread close the source, and wait for that."""
        if self._process != os.getpid():
            return
        self._stopping = True
        self._places.put(None)
        # The collector of garbage runs on any thread: one that this one waits for must not wait.
        caller = threading.current_thread()
        if not self.is_alive() or (isinstance(caller, _Reader) and caller is not self._owner):
            return
        try:
            self.join()
        except BaseException:  # Ctrl-C: the first one waits for the thread, the second does not
            self.join()
            raise


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
