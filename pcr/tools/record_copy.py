"""One record copied: its file as it is, or its first levels as a record of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import xxhash

from pcr.atomic import atomic_path
from pcr.dataset.messages import RecordIndex, RecordInfo
from pcr.dataset.record import Record
from pcr.dataset.writer import write_record
from pcr.errors import FormatError, StorageError
from pcr.storage.location import join
from pcr.storage.store import Store
from pcr.tools.whole_records import read_messages

_PIECE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class RecordCopy:
    """A record that is at the destination.

    entry: what the index there says of it. was_there: whether an earlier run copied it.
    copied_bytes: how many bytes of records were read from the source for it.
    """

    entry: RecordIndex
    was_there: bool
    copied_bytes: int


class RecordCopier:
    """Copies records to a store at one level. Safe to use from threads.

    level: how many levels the copies have. sizes: of the files that are at the destination, by name.
    read_back: whether what was written is read again and compared.
    """

    def __init__(
        self, level: int, target: Store, sizes: Mapping[str, int], *, read_back: bool
    ) -> None:
        self.level, self.target, self.sizes = level, target, sizes
        self.read_back = read_back

    def copy(self, record: Record) -> RecordCopy:
        """Copy a record unless it is there whole. Raises FormatError, StorageError or OSError."""
        copied_bytes = record.prefix_bytes[self.level]
        if record.name in self.sizes:
            found = self._found(record)
            if found is not None:
                read = 0 if self.level == record.levels else record.prefix_bytes[0]
                return RecordCopy(found, was_there=True, copied_bytes=read)
        entry = self._write(record)
        if self.read_back:
            self._check_arrived(record.name, entry)
        return RecordCopy(entry, was_there=False, copied_bytes=copied_bytes)

    def _write(self, record: Record) -> RecordIndex:
        if self.level == record.levels:
            with self.target.placing(record.name) as path, atomic_path(path) as temporary:
                _fetch(record, temporary)
            return record.entry
        metadata, *groups = record.read_groups(self.level)
        with self.target.placing(record.name) as path:
            return write_record(path, self._info(record, metadata), groups).index

    def _info(self, record: Record, metadata: bytes) -> RecordInfo:
        return RecordInfo.decode(metadata, record.location).first_levels(self.level)

    def _check_arrived(self, name: str, entry: RecordIndex) -> None:
        for _ in range(2):  # what is whole there may be damaged on its way back
            if _checksum(_pieces(self.target, name, entry.file_bytes)) == entry.file_checksum:
                return
            self.target.counters.add(retries=1)
        raise StorageError(
            f"{join(self.target.location, name)}: expected checksum {entry.file_checksum:016x} of "
            "what was written, found other bytes: copy again to replace it"
        )

    def _found(self, record: Record) -> RecordIndex | None:
        """The entry of the copy that is there; None where it is not whole."""
        if self.level < record.levels:
            return self._found_levels(record)
        entry = record.entry
        if self.sizes[record.name] != entry.file_bytes:
            return None
        pieces = _pieces(self.target, record.name, entry.file_bytes)
        return entry if _checksum(pieces) == entry.file_checksum else None

    def _found_levels(self, record: Record) -> RecordIndex | None:
        """The same of first levels: the index of the source has checksums of their messages."""
        data = self.target.read(record.name)
        try:
            groups = read_messages(data, record.entry, range(1, self.level + 1))
        except FormatError:
            return None
        (metadata,) = record.read_groups(0)
        with TemporaryDirectory(prefix="pcr-") as folder:
            path = Path(folder, record.name)
            entry = write_record(path, self._info(record, metadata), groups).index
            return entry if path.read_bytes() == data else None


def _fetch(record: Record, path: Path) -> None:
    """A record's file, written to ``path``; FormatError where it is not that of the index."""
    for _ in range(2):  # the network may have damaged what is whole where it lies
        with path.open("wb") as file:
            pieces = _written(file, _pieces(record.store, record.name, record.file_bytes))
            found = _checksum(pieces)
        if found == record.entry.file_checksum:
            return
        record.store.counters.add(retries=1)
    raise FormatError(
        f"{record.location}: expected checksum {record.entry.file_checksum:016x}, "
        f"found {found:016x} (read twice)"
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
