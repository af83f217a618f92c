"""StoredFile: a record, or a column beside one, and what the index says of its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator
from dataclasses import dataclass

from pcr.dataset import layout
from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.record import Record
from pcr.dataset.tables import closing, connect_image, read_chunks
from pcr.storage.location import join
from pcr.storage.store import Store


@dataclass(frozen=True)
class StoredTable:
    """A table: its size and checksum, and how many first bytes of the file hold it."""

    name: str
    size: int
    checksum: int
    prefix_bytes: int


@dataclass(frozen=True)
class StoredFile:
    """A file of a dataset: a record, or one of the columns beside it. tables: in their order."""

    record: Record
    column: ColumnIndex | None
    name: str
    file_bytes: int
    file_checksum: int
    tables: tuple[StoredTable, ...]

    @classmethod
    def of_record(cls, record: Record) -> StoredFile:
        """The record itself."""
        entry = record.entry
        messages = [
            StoredTable(layout.message_table(level), size, checksum, end)
            for level, (size, checksum, end) in enumerate(
                zip(entry.group_bytes, entry.checksums, entry.prefix_bytes, strict=True)
            )
        ]
        within = [_table(index, record) for index in record.columns_within]
        tables = (messages[0], *within, *messages[1:])
        return cls(record, None, record.name, entry.file_bytes, entry.file_checksum, tables)

    @classmethod
    def beside(cls, record: Record) -> Iterator[StoredFile]:
        """The columns beside a record."""
        for index in record.columns_beside:
            name = layout.column_file(record.number, index.name, index.column.version)
            table, checksum = _table(index, record), index.file_checksums[record.number]
            yield cls(record, index, name, table.prefix_bytes, checksum, (table,))

    @property
    def store(self) -> Store:
        """Where the file is."""
        return self.record.store

    @property
    def location(self) -> str:
        """The path or URL of the file."""
        return join(self.store.location, self.name)

    def tables_in(self, data: bytes, names: Container[str] | None = None) -> dict[str, bytes]:
        """The contents of its tables, or of some, in the bytes of such a file.

        Raises FormatError unless they are those of the index.
        """
        with closing(connect_image(data, self.name)) as connection:
            return self.read_tables(connection, names)

    def read_tables(
        self, connection: sqlite3.Connection, names: Container[str] | None = None
    ) -> dict[str, bytes]:
        """The same of a file that is open, or a prefix of one that holds these tables."""
        return {
            table.name: b"".join(read_chunks(connection, table.name, table.size, table.checksum))
            for table in self.tables
            if names is None or table.name in names
        }


def _table(index: ColumnIndex, record: Record) -> StoredTable:
    entry = index.entry(record.number)
    name = layout.column_table(index.name)
    return StoredTable(name, entry.value_bytes, entry.checksum, entry.prefix_bytes)
