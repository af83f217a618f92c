"""ColumnChoice: the columns that a reader asks a record for, and where each of them is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pcr.dataset import layout
from pcr.dataset.column_index import ColumnEntry, ColumnIndex
from pcr.dataset.column_types import ColumnValues
from pcr.dataset.columns import BUILT_IN, LABEL, NAME, check_columns
from pcr.dataset.file_prefix import FilePrefix
from pcr.dataset.messages import RecordIndex, RecordInfo
from pcr.dataset.tables import read_chunks
from pcr.storage.cache import CachedPrefixes
from pcr.storage.store import Store


@dataclass(frozen=True)
class ColumnChoice:
    """Columns by name.

    inside, outside: those whose values lie within the records, and in files of their own.
    tables: how many of a record's first tables hold those within it, and its metadata.
    """

    names: tuple[str, ...]
    inside: tuple[ColumnIndex, ...]
    outside: tuple[ColumnIndex, ...]
    tables: int

    @classmethod
    def of(cls, names: Sequence[str], known: Sequence[ColumnIndex]) -> ColumnChoice:
        """The columns of these names; UsageError where there is no such column."""
        check_columns(names, [index.name for index in known])
        chosen = [(place, index) for place, index in enumerate(known) if index.name in names]
        inside = [(place, index) for place, index in chosen if not index.column.beside]
        metadata = any(name in BUILT_IN for name in names)
        return cls(
            tuple(dict.fromkeys(names)),
            tuple(index for _, index in inside),
            tuple(index for _, index in chosen if index.column.beside),
            inside[-1][0] + 2 if inside else int(metadata),
        )

    def prefix_bytes(self, record: int, entry: RecordIndex) -> int:
        """How many of the first bytes of a record hold the columns within it, and its metadata."""
        return self.inside[-1].prefix_bytes[record] if self.inside else entry.prefix_bytes[0]

    def within(
        self, tables: sqlite3.Connection, record: int, entry: RecordIndex, verify: bool
    ) -> dict[str, ColumnValues]:
        """The columns within a record, label and name among them; FormatError where damaged."""
        found = {
            index.name: _values(tables, index, index.entry(record), entry.images, verify)
            for index in self.inside
        }
        if any(name in BUILT_IN for name in self.names):
            checksum = entry.checksums[0] if verify else None
            chunks = read_chunks(tables, layout.METADATA_TABLE, entry.group_bytes[0], checksum)
            info = RecordInfo.decode(b"".join(chunks), "metadata")
            found[LABEL] = info.labels.astype(np.int64)
            found[NAME] = [image.name for image in info.images]
        return found

    def beside(
        self, prefixes: Store | CachedPrefixes, record: int, images: int, verify: bool
    ) -> dict[str, ColumnValues]:
        """The columns beside a record, each read from its file; FormatError where one is damaged."""
        found: dict[str, ColumnValues] = {}
        for index in self.outside:
            entry = index.entry(record)
            file = column_file(prefixes, index, record)
            found[index.name] = file.read(
                lambda tables, i=index, e=entry: _values(tables, i, e, images, verify)  # type: ignore[misc]
            )
        return found


def column_file(prefixes: Store | CachedPrefixes, index: ColumnIndex, record: int) -> FilePrefix:
    """The file beside a record that holds a column."""
    column, size = index.column, index.prefix_bytes[record]
    name = layout.column_file(record, column.name, column.version)
    return FilePrefix(prefixes, name, size, size, tables=1)


def _values(
    tables: sqlite3.Connection, index: ColumnIndex, entry: ColumnEntry, images: int, verify: bool
) -> ColumnValues:
    checksum = entry.checksum if verify else None
    chunks = read_chunks(tables, layout.column_table(index.name), entry.value_bytes, checksum)
    return index.column.type.decode(b"".join(chunks), images, f"column {index.name}")
