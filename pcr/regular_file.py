"""Files that somebody else made: read only where they are regular files, their errors with a name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """The file, unbuffered; OSError, naming it, for a pipe, device, socket or directory.

    Opening a pipe would wait for its other end, reading a device may never end.
    """
    with named_errors(path):
        regular_bytes(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            _check(os.fstat(descriptor), path)  # it may have changed
            yield file


def read_regular(path: Path, most_bytes: int | None = None) -> bytes:
    """A whole file; OSError as `open_regular`, also where it has more than ``most_bytes``."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most_bytes is not None and size > most_bytes:
            raise _refusal(path, f"expected at most {most_bytes} bytes, found {size}")
        return file.read()


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Have an OSError that the block raises name this file; reading alone does not name it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def regular_bytes(path: Path) -> int:
    """The size of a file; OSError as `open_regular`."""
    found = path.stat()
    _check(found, path)
    return found.st_size


def _check(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "special file")
        raise _refusal(path, f"a {kind}, not a regular file")


def _refusal(path: Path, reason: str) -> OSError:
    return OSError(errno.EINVAL, reason, str(path))
