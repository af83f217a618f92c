"""Reading in the background: what threads make ahead, and how long it was waited for."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, overload

from pcr.errors import PCRError
from pcr.storage.retries import give_up_when, nobody_waits

S = TypeVar("S")
T = TypeVar("T")

_AT_ONCE = -1  # the number of what is received before all items


def _as_it_is(item: Any) -> Any:
    return item


class ReadAhead(Generic[T]):
    """The items of ``source``, in order; threads make ``depth`` of them ahead.

    The threads belong to the process that made them. In a forked child there are none: there,
    ending a ReadAhead does nothing, and asking it for an item is an error.
    """

    @overload
    def __init__(
        self, source: Generator[T, None, None], depth: int, *, name: str = ...
    ) -> None: ...

    @overload
    def __init__(
        self,
        source: Generator[S, None, None],
        depth: int,
        *,
        threads: int,
        finish: Callable[[S], T],
        first: int | None = None,
        name: str = ...,
    ) -> None: ...

    def __init__(
        self,
        source: Generator[Any, None, None],
        depth: int,
        *,
        threads: int = 1,
        finish: Callable[[Any], T] = _as_it_is,
        first: int | None = None,
        name: str = "pcr-read",
    ) -> None:
        """Begin to iterate over ``source``, on one thread at a time.

        finish: makes items of what the source yields, on as many ``threads`` at once.
        first: no more than so many items are made before those are received; None: ``depth``.
        name: of the threads.
        """
        first = depth if first is None else max(1, min(first, depth))
        self._crew: _Crew[Any, T] = _Crew(source, finish, depth, threads, first, name)
        # Before the start: whatever interrupts what follows, something will end the threads.
        self._finalizer = weakref.finalize(self, self._crew.end)
        try:
            self._crew.start()
        except BaseException:  # Ctrl-C
            self._crew.end()
            raise

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return self._crew.receive()

    def __enter__(self) -> ReadAhead[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.end()
        self._finalizer.detach()


class _Reader(threading.Thread):
    """A daemon: the finalizer ends it, not the interpreter, which would wait before finalizers run."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work

    def run(self) -> None:
        """Work until there is nothing to do."""
        self._work()


class _Crew(Generic[S, T]):
    """Threads that iterate over a source in turn and close it, so that no other ever touches it.

    They and the thread that receives share queues of the C library alone, whose calls Ctrl-C can't
    leave half done, as it can those of a Condition.
    """

    def __init__(
        self,
        source: Generator[S, None, None],
        finish: Callable[[S], T],
        depth: int,
        threads: int,
        first: int,
        name: str,
    ) -> None:
        self._source, self._finish = source, finish
        self._process, self._owner = os.getpid(), threading.current_thread()
        self._owner_gives_up = nobody_waits()  # where it is a reader of another crew
        self._threads = [_Reader(self._work, name) for _ in range(threads)]
        self._turn = threading.Lock()  # of the threads, to take from the source
        self._begun = 0  # items
        self._made: SimpleQueue[tuple[int, T, None] | tuple[int, None, BaseException]]
        self._made = SimpleQueue()
        self._early: dict[int, tuple[T, None] | tuple[None, BaseException]] = {}
        self._received = 0
        self._places: SimpleQueue[None] = SimpleQueue()  # one for each item that may be made
        self._first, self._later = first, depth - first
        self._admit(first)
        self._stopping = False

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        """Make items where there are places; what ends it comes last, StopIteration too."""
        give_up_when(lambda: self._stopping or self._owner_gives_up())
        while self._may_make() and self._make():
            pass
        with self._turn:
            self._source.close()
        if self._stopping:  # for another thread that waits for an item
            self._made.put((_AT_ONCE, None, StopIteration()))

    def _may_make(self) -> bool:
        """Wait for a place, or for the end."""
        self._places.get()
        return not self._stopping

    def _make(self) -> bool:
        """Make an item; whether there may be more."""
        # Nothing is kept in a variable of _work: while it waits, nobody needs the last item.
        with self._turn:
            number = self._begun
            self._begun += 1
            try:
                begun = next(self._source)
            except BaseException as error:
                self._made.put((number, None, error))
                return False
        try:
            self._made.put((number, self._finish(begun), None))
        except BaseException as error:
            self._made.put((number, None, error))
            return False
        return True

    def receive(self) -> T:
        """The next item, or what was raised in its place."""
        if self._process != os.getpid():
            raise PCRError(
                f"this epoch's threads are those of process {self._process}, which process "
                f"{os.getpid()} was forked from: begin an epoch here with iter()"
            )
        if self._stopping:
            raise StopIteration
        item, error = self._next()
        if error is not None:
            self._stop()
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        self._admit(1)
        if self._received == self._first:
            self._admit(self._later)
        return item  # type: ignore[return-value]

    def _admit(self, items: int) -> None:
        """Let so many more be made."""
        for _ in range(items):
            self._places.put(None)

    def _next(self) -> tuple[T, None] | tuple[None, BaseException]:
        """What comes next, which others may have overtaken."""
        while self._received not in self._early and _AT_ONCE not in self._early:
            number, item, error = self._made.get()
            self._early[number] = item, error  # type: ignore[assignment]
        self._received += 1
        return self._early.pop(self._received - 1, (None, StopIteration()))

    def _stop(self) -> None:
        self._stopping = True
        for _ in self._threads:
            self._places.put(None)

    def end(self) -> None:
        """Let the threads close the source, and wait for that."""
        if self._process != os.getpid():
            return
        self._stop()
        # The collector of garbage runs on any thread: one that this one waits for must not wait.
        caller = threading.current_thread()
        if isinstance(caller, _Reader) and caller is not self._owner:
            return
        try:
            self._join()
        except BaseException:  # Ctrl-C: the first one waits for the threads, the second does not
            self._join()
            raise

    def _join(self) -> None:
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        # What nobody received may be large, or hold threads of its own.
        self._early.clear()
        self._made = SimpleQueue()


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
