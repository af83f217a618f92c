"""Locks between processes and threads, which end with whoever holds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pcr.errors import DatasetError
from pcr.storage.local import LocalStore
from pcr.storage.store import Store

_held: set[int] = set()  # descriptors


@contextmanager
def locked(output: Store, *, shared: bool = False) -> Iterator[None]:
    """Hold the place that a dataset is written to, for one writer.

    With ``shared`` others may share it, as the shards of a conversion do. Raises DatasetError where
    another process holds it. File systems without locks are not locked, nor are object stores. A
    directory that was made for the block, and is empty after it, is removed.
    """
    if not isinstance(output, LocalStore):
        yield
        return
    import fcntl  # not everywhere

    directory = output.root
    with _made(directory), _opened(directory, os.O_RDONLY) as descriptor:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatasetError(
                f"{directory}: another process is writing here: wait for it to end, "
                "or choose another directory"
            ) from None
        except OSError:
            pass
        yield


@contextmanager
def _made(directory: Path) -> Iterator[None]:
    """A directory, with those that it lies in; those that were not there go again if they are empty."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            for path in missing:
                path.rmdir()


@contextmanager
def file_locked(path: Path) -> Iterator[None]:
    """Wait for the lock of a file, which is made where there is none, and hold it."""
    import fcntl  # not everywhere

    with _opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
    _held.add(descriptor)
    try:
        yield descriptor
    finally:
        if descriptor in _held:  # not in a child forked meanwhile
            _held.discard(descriptor)
            os.close(descriptor)


def _release_in_child() -> None:
    """A child forked meanwhile would keep the lock when its parent is killed."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
