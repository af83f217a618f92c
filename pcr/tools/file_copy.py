"""Whole files of a dataset copied to a store: compared as they are read, and read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import xxhash

from pcr.atomic import atomic_path
from pcr.errors import FormatError, StorageError
from pcr.storage.location import join
from pcr.storage.retries import FETCHES
from pcr.storage.store import Store
from pcr.tools.stored_file import StoredFile

_PIECE_BYTES = 8 * 2**20


class FileCopier:
    """Copies whole files to a store. Safe to use from threads.

    sizes: of the files that are at the destination, by name. read_back: whether what was written is
    read again and compared.
    """

    def __init__(self, target: Store, sizes: Mapping[str, int], *, read_back: bool) -> None:
        self.target, self.sizes, self.read_back = target, sizes, read_back

    def copy(self, file: StoredFile) -> bool:
        """Copy a file unless it is there whole, which it says.

        Raises FormatError, StorageError or OSError.
        """
        if self._is_there(file):
            return True
        with self.target.placing(file.name) as path, atomic_path(path) as temporary:
            _fetch(file, temporary)
        self.check_arrived(file.name, file.file_bytes, file.file_checksum)
        return False

    def check_arrived(self, name: str, size: int, checksum: int) -> None:
        """Read what was written, if that is wanted; StorageError where it is something else."""
        if not self.read_back:
            return
        for _ in range(FETCHES):  # what is whole there may be damaged on its way back
            if _checksum(_pieces(self.target, name, size)) == checksum:
                return
            self.target.counters.add(retries=1)
        raise StorageError(
            f"{join(self.target.location, name)}: expected checksum {checksum:016x} of "
            "what was written, found other bytes: copy again to replace it"
        )

    def _is_there(self, file: StoredFile) -> bool:
        if self.sizes.get(file.name) != file.file_bytes:
            return False
        return _checksum(_pieces(self.target, file.name, file.file_bytes)) == file.file_checksum


def _fetch(file: StoredFile, path: Path) -> None:
    """A file, written to ``path``; FormatError where it is not that of the index."""
    for _ in range(FETCHES):  # the network may have damaged what is whole where it lies
        with path.open("wb") as copied:
            found = _checksum(_written(copied, _pieces(file.store, file.name, file.file_bytes)))
        if found == file.file_checksum:
            return
        file.store.counters.add(retries=1)
    raise FormatError(
        f"{file.location}: expected checksum {file.file_checksum:016x}, "
        f"found {found:016x} (read {FETCHES} times)"
    )


def _pieces(store: Store, name: str, size: int) -> Iterator[bytes]:
    for start in range(0, size, _PIECE_BYTES):
        yield store.read(name, min(_PIECE_BYTES, size - start), start)


def _written(file: BinaryIO, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        file.write(piece)
        yield piece


def _checksum(pieces: Iterator[bytes]) -> int:
    digest = xxhash.xxh3_64()
    for piece in pieces:
        digest.update(piece)
    return digest.intdigest()
