"""Files that are written whole or not at all: to a temporary name, fsynced, renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xxhash

TEMPORARY_SUFFIX = ".pcr-tmp"
_MAX_NAME_BYTES = 255  # of a file name, on every common file system


@contextmanager
def atomic_path(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A temporary name beside ``path``; what is written there becomes ``path``, safe on disk.

    Where the block raises, nothing is left and an older file of that name stays; an OSError names
    ``path``. Without ``durable`` it is left to the caller to have many files synchronised at once.
    """
    temporary = _temporary(path)
    try:
        temporary.unlink(missing_ok=True)
        yield temporary
        if durable:
            _fsync(temporary)
        temporary.replace(path)
        if durable:
            _fsync(path.parent)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename in (None, temporary, str(temporary)):
            error.filename = str(path)
        with suppress(OSError):  # the error to report is the first one
            temporary.unlink()
        raise


def _temporary(path: Path) -> Path:
    name = path.name + TEMPORARY_SUFFIX
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        digest = xxhash.xxh3_128_hexdigest(os.fsencode(path.name))
        name = digest + TEMPORARY_SUFFIX
    return path.with_name(name)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
