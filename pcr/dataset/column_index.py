"""ColumnIndex: what the index keeps of one column in every record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xxhash
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.dataset.column_types import ColumnType
from pcr.dataset.columns import Column, check_schema
from pcr.dataset.messages import RecordIndex
from pcr.errors import FormatError, UsageError
from pcr.extension import pcr_pb2


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """One column in one record.

    value_bytes: size of the serialized values. checksum: XXH3-64 of them. prefix_bytes: how many of
    the first bytes of the file hold them: of the record's, or all of the file beside it.
    file_checksum: XXH3-64 of the file beside; 0 within the record.
    """

    value_bytes: int
    prefix_bytes: int
    checksum: int
    file_checksum: int = 0


@dataclass(frozen=True)
class ColumnIndex:
    """One column in all records: entry i of each tuple is of record i."""

    column: Column
    value_bytes: tuple[int, ...]
    prefix_bytes: tuple[int, ...]
    checksums: tuple[int, ...]
    file_checksums: tuple[int, ...]

    @classmethod
    def of(cls, column: Column, entries: Sequence[ColumnEntry]) -> ColumnIndex:
        """The index of a column that has these entries in the records, in order."""
        return cls(
            column,
            tuple(entry.value_bytes for entry in entries),
            tuple(entry.prefix_bytes for entry in entries),
            tuple(entry.checksum for entry in entries),
            tuple(entry.file_checksum for entry in entries),
        )

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def entries(self) -> list[ColumnEntry]:
        """The entries of all records."""
        return [self.entry(number) for number in range(len(self.checksums))]

    def entry(self, record: int) -> ColumnEntry:
        """The entry of one record."""
        return ColumnEntry(
            self.value_bytes[record],
            self.prefix_bytes[record],
            self.checksums[record],
            self.file_checksums[record],
        )

    def encode(self) -> bytes:
        """As a serialized ColumnIndex message, sealed with its checksum."""
        message = self._message()
        message.index_checksum = _digest(message)
        encoded: bytes = message.SerializeToString(deterministic=True)
        return encoded

    def _message(self) -> pcr_pb2.ColumnIndex:
        return pcr_pb2.ColumnIndex(
            name=self.name,
            type=str(self.column.type),
            beside=self.column.beside,
            version=self.column.version,
            value_bytes=self.value_bytes,
            prefix_bytes=self.prefix_bytes,
            checksums=self.checksums,
            file_checksums=self.file_checksums,
        )

    @classmethod
    def decode(cls, data: bytes, source: str) -> ColumnIndex:
        """From a serialized ColumnIndex message; FormatError where it is not one, or is damaged."""
        message = pcr_pb2.ColumnIndex()
        try:
            message.ParseFromString(data)
            kind = ColumnType.parse(message.type)
            column = Column(message.name, kind, message.beside, message.version)
        except (DecodeError, UsageError) as error:
            raise FormatError(f"{source}: expected a column, found: {error}") from None
        if message.index_checksum != _digest(message):
            raise FormatError(
                f"{source}: expected checksum {_digest(message):016x} of column {column.name}, "
                f"found {message.index_checksum:016x}"
            )
        return cls(
            column,
            tuple(message.value_bytes[:]),
            tuple(message.prefix_bytes[:]),
            tuple(message.checksums[:]),
            tuple(message.file_checksums[:]),
        )


def _digest(message: pcr_pb2.ColumnIndex) -> int:
    """XXH3-64 of a message without its checksum."""
    unsealed = pcr_pb2.ColumnIndex()
    unsealed.CopyFrom(message)
    unsealed.index_checksum = 0
    return xxhash.xxh3_64_intdigest(unsealed.SerializeToString(deterministic=True))


def check_column_indexes(
    columns: Sequence[ColumnIndex], records: Sequence[RecordIndex], source: str
) -> None:
    """Raise FormatError unless the columns fit the records, and lie where they can.

    Those within the records come first, each after the one before it, between the metadata and the
    first level.
    """
    if len(columns) > layout.MAX_COLUMNS:
        raise FormatError(
            f"{source}: expected at most {layout.MAX_COLUMNS} columns, found {len(columns)}"
        )
    try:
        check_schema([column.column for column in columns])
    except UsageError as error:
        raise FormatError(f"{source}: {error}") from None
    if [column.column.beside for column in columns] != sorted(c.column.beside for c in columns):
        raise FormatError(f"{source}: expected the columns within the records first")
    ends = np.array([record.prefix_bytes[0] for record in records], dtype=np.uint64)
    limits = np.array([record.prefix_bytes[1] for record in records], dtype=np.uint64)
    for column in columns:
        found = _Extents.of(column, len(records), source)
        if column.column.beside:
            found.check(np.zeros_like(ends), np.uint64(layout.MAX_RECORD_BYTES))
        else:
            found.check(ends, limits)
            ends = found.prefix_bytes


@dataclass(frozen=True)
class _Extents:
    """Where a column lies in the records' files, as uint64 of shape (records,)."""

    value_bytes: NDArray[np.uint64]
    prefix_bytes: NDArray[np.uint64]
    what: str

    @classmethod
    def of(cls, column: ColumnIndex, records: int, source: str) -> _Extents:
        found = (column.value_bytes, column.prefix_bytes, column.checksums, column.file_checksums)
        if any(len(entries) != records for entries in found):
            raise FormatError(
                f"{source}: expected {records} entries of column {column.name}, found "
                + ", ".join(str(len(entries)) for entries in found)
            )
        sizes, ends = (np.array(entries, dtype=np.uint64) for entries in found[:2])
        return cls(sizes, ends, f"{source}: column {column.name}")

    def check(self, starts: NDArray[np.uint64], limits: NDArray[np.uint64] | np.uint64) -> None:
        """Raise FormatError unless each entry lies between a start and a limit."""
        fits = (
            (self.value_bytes <= layout.MAX_GROUP_BYTES)
            & (self.prefix_bytes <= limits)
            & (starts <= self.prefix_bytes)
            & (self.value_bytes <= self.prefix_bytes - np.minimum(starts, self.prefix_bytes))
        )
        if not fits.all():
            record = int(np.argmin(fits))
            raise FormatError(
                f"{self.what}: record {record}: expected {self.value_bytes[record]} bytes after "
                f"byte {starts[record]}, found them to end at byte {self.prefix_bytes[record]}"
            )
