"""Write records and the index: each to a temporary name, fsynced, renamed."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import xxhash

from pcr.atomic import atomic_path
from pcr.dataset import layout
from pcr.dataset.column_index import ColumnEntry, ColumnIndex
from pcr.dataset.messages import DatasetInfo, RecordIndex, RecordInfo
from pcr.dataset.tables import is_schema_on_first_page
from pcr.errors import FormatError
from pcr.regular_file import open_regular

Pieces: TypeAlias = Sequence[bytes]
"""A value as the bytes that make it up, one after another."""

_READ_BYTES = 2**20


@dataclass(frozen=True)
class WrittenRecord:
    """What the index is to keep of a record that was written, and of the columns within it."""

    index: RecordIndex
    columns: tuple[ColumnEntry, ...]


def write_record(
    path: Path,
    info: RecordInfo,
    groups: Sequence[Pieces],
    columns: Mapping[str, bytes] | None = None,
) -> WrittenRecord:
    """Write one record of serialized ScanGroups, levels ascending; what the index is to keep of it.

    groups: each in pieces, which need not be joined to be written. columns: the serialized values
        of those that lie within the record, by name, in their order.

    Raises FormatError where a group, the columns or the record would exceed the format's limits,
    OSError where the disk is full.
    """
    values = dict(columns or {})
    messages = [[info.encode()], *groups]
    contents = [messages[0], *([value] for value in values.values()), *groups]
    _check_sizes(path, contents)
    tables = [
        layout.METADATA_TABLE,
        *map(layout.column_table, values),
        *(layout.scan_group_table(k) for k in range(1, len(messages))),
    ]
    with atomic_path(path) as temporary:
        with _sqlite_errors(path):
            ends = _write_tables(temporary, tables, contents)
        _check_first_page(temporary, path)
        file_bytes = temporary.stat().st_size
        checksum = file_checksum(temporary)
    index = RecordIndex(
        images=len(info.images),
        file_bytes=file_bytes,
        prefix_bytes=(ends[0], *ends[1 + len(values) :]),
        group_bytes=tuple(map(_size, messages)),
        checksums=tuple(map(_checksum, messages)),
        file_checksum=checksum,
    )
    within = zip(values.values(), ends[1:], strict=False)
    return WrittenRecord(index, tuple(_column_entry(value, end) for value, end in within))


def write_column(path: Path, name: str, values: bytes) -> ColumnEntry:
    """Write the file beside a record that holds a column; what the index is to keep of it.

    Raises FormatError where the values would exceed the format's limit, OSError where the disk is
    full.
    """
    _check_sizes(path, [[values]])
    with atomic_path(path) as temporary:
        with _sqlite_errors(path):
            (end,) = _write_tables(temporary, [layout.column_table(name)], [[values]])
        return _column_entry(values, end, file_checksum(temporary))


def _column_entry(values: bytes, end: int, file_checksum: int = 0) -> ColumnEntry:
    return ColumnEntry(len(values), end, xxhash.xxh3_64_intdigest(values), file_checksum)


def _size(pieces: Pieces) -> int:
    return sum(map(len, pieces))


def _checksum(pieces: Pieces) -> int:
    digest = xxhash.xxh3_64()
    for piece in pieces:
        digest.update(piece)
    return digest.intdigest()


def _check_sizes(path: Path, contents: Sequence[Pieces]) -> None:
    largest, total = max(map(_size, contents)), sum(map(_size, contents))
    if largest > layout.MAX_GROUP_BYTES or total > layout.MAX_RECORD_BYTES * 0.99:
        raise FormatError(
            f"{path}: expected at most {layout.MAX_GROUP_BYTES} bytes per scan group or column and "
            f"{layout.MAX_RECORD_BYTES} per record, found {largest} and {total}: "
            "put fewer images into a record"
        )


def _check_first_page(written: Path, path: Path) -> None:
    """A prefix can be read alone only where the whole schema is on the first page."""
    with open_regular(written) as file:
        if is_schema_on_first_page(file.read(layout.SQLITE_HEADER_BYTES + 1)):
            return
    raise FormatError(
        f"{path}: expected fewer columns within the records, found more than the first page of the "
        "file can name: store some of them beside the records"
    )


def write_index(
    directory: Path,
    info: DatasetInfo,
    records: Sequence[RecordIndex],
    columns: Sequence[ColumnIndex] = (),
) -> None:
    """Write ``PCR.db``, whose presence means that the dataset is finished."""
    path = directory / layout.INDEX_FILE
    entries = {str(number): record.encode() for number, record in enumerate(records)}
    with (
        atomic_path(path) as temporary,
        _sqlite_errors(path),
        closing(_create(temporary, page_bytes=4096)) as connection,
    ):
        connection.execute("BEGIN")
        dataset = {layout.DATASET_KEY: info.sealed(records).encode()}
        _write_index_table(connection, layout.DATASET_TABLE, dataset)
        _write_index_table(connection, layout.RECORDS_TABLE, entries)
        if columns:
            named = {column.name: column.encode() for column in columns}
            _write_index_table(connection, layout.COLUMNS_TABLE, named)
        connection.execute("COMMIT")


def _write_index_table(
    connection: sqlite3.Connection, name: str, entries: dict[str, bytes]
) -> None:
    """A table as sqlitedict lays it out.

    Not written by sqlitedict, whose thread dies of a full disk while its caller waits for it.
    """
    connection.execute(f'CREATE TABLE "{name}" ({layout.INDEX_COLUMNS})')
    connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?)', entries.items())


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as the operating system's that they stand for.

    SQLite takes pages that it wrote and can't read again for damage: any DatabaseError.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = errno.ENOSPC if error.sqlite_errorcode == sqlite3.SQLITE_FULL else errno.EIO
        raise OSError(code, f"{os.strerror(code)} ({error})", str(path)) from None


def _create(path: Path, page_bytes: int) -> sqlite3.Connection:
    """A new database of this format; durability is the caller's fsync, not SQLite's journal."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in (
        f"page_size = {page_bytes}",
        "journal_mode = OFF",
        "synchronous = OFF",
        f"application_id = {layout.APPLICATION_ID}",
        f"user_version = {layout.FORMAT_VERSION}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _write_tables(path: Path, tables: Sequence[str], contents: Sequence[Pieces]) -> list[int]:
    """One one-row table per content, in order; the file's size after each.

    SQLite appends pages in the order in which tables are created and filled, so a table's pages are
    one run, and the size after it is that of the prefix which holds it.
    """
    page_bytes = layout.page_bytes(sum(map(_size, contents)), tables)
    prefix_bytes = []
    with closing(_create(path, page_bytes)) as connection:
        connection.execute("BEGIN")
        for table, pieces in zip(tables, contents, strict=True):
            connection.execute(f"CREATE TABLE {table} ({layout.VALUE_COLUMN} BLOB NOT NULL)")
            connection.execute(f"INSERT INTO {table} VALUES (zeroblob(?))", (_size(pieces),))
            # Written in place: as a bound value it would be copied twice before it becomes pages.
            with connection.blobopen(table, layout.VALUE_COLUMN, 1) as blob:
                for piece in pieces:
                    blob.write(piece)
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            prefix_bytes.append(pages * page_bytes)
        connection.execute("COMMIT")
    return prefix_bytes


def file_checksum(path: Path) -> int:
    """XXH3-64 of a file."""
    digest = xxhash.xxh3_64()
    buffer = memoryview(bytearray(_READ_BYTES))
    with open_regular(path) as file:
        while size := file.readinto(buffer):  # type: ignore[attr-defined]
            digest.update(buffer[:size])
    return digest.intdigest()
