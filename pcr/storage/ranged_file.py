"""A file of any store as Python's own kind of file, read a few MiB at a time."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, cast

from pcr.errors import ObjectNotFoundError
from pcr.storage.location import join
from pcr.storage.store import Store

_READ_BYTES = 4 * 2**20  # at 50 ms an answer: 80 MB/s


def open_ranged(store: Store, name: str) -> BinaryIO:
    """One file, for reading; what is skipped by more than a few MiB is not asked for.

    Raises ObjectNotFoundError where there is no such file, StorageError where the store does not
    answer.
    """
    size = store.size(name)
    if size is None:
        raise ObjectNotFoundError(f"{join(store.location, name)}: there is no such file")
    return cast(BinaryIO, io.BufferedReader(_Ranges(store, name, size), _READ_BYTES))


class _Ranges(io.RawIOBase):
    def __init__(self, store: Store, name: str, size: int) -> None:
        self._store, self._name, self._size, self._position = store, name, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; nothing is read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes."""
        length = max(0, min(len(buffer), self._size - self._position))
        if length:
            buffer[:length] = self._store.read(self._name, length, self._position)
        self._position += length
        return length
