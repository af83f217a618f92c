"""Write records and the index: each to a temporary name, fsynced, renamed."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import xxhash

from pcr.atomic import atomic_path
from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo, RecordIndex, RecordInfo
from pcr.errors import FormatError
from pcr.regular_file import open_regular

_READ_BYTES = 2**20


def write_record(path: Path, info: RecordInfo, groups: Sequence[bytes]) -> RecordIndex:
    """Write one record of serialized ScanGroups, levels ascending, and return its index entry.

    Raises FormatError where a group or the record would exceed the format's limits, OSError where
    the disk is full.
    """
    contents = [info.encode(), *groups]
    largest, total = max(map(len, contents)), sum(map(len, contents))
    if largest > layout.MAX_GROUP_BYTES or total > layout.MAX_RECORD_BYTES * 0.99:
        raise FormatError(
            f"{path}: expected at most {layout.MAX_GROUP_BYTES} bytes per scan group and "
            f"{layout.MAX_RECORD_BYTES} per record, found {largest} and {total}: "
            "put fewer images into a record"
        )
    tables = [
        layout.METADATA_TABLE,
        *(layout.scan_group_table(k) for k in range(1, len(contents))),
    ]
    with atomic_path(path) as temporary:
        with _sqlite_errors(path):
            prefix_bytes = _write_tables(temporary, tables, contents)
        file_bytes = temporary.stat().st_size
        checksum = file_checksum(temporary)
    return RecordIndex(
        images=len(info.images),
        file_bytes=file_bytes,
        prefix_bytes=tuple(prefix_bytes),
        group_bytes=tuple(map(len, contents)),
        checksums=tuple(map(xxhash.xxh3_64_intdigest, contents)),
        file_checksum=checksum,
    )


def write_index(directory: Path, info: DatasetInfo, records: Sequence[RecordIndex]) -> None:
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


def _write_tables(path: Path, tables: Sequence[str], contents: Sequence[bytes]) -> list[int]:
    """One one-row table per content, in order; the file's size after each.

    SQLite appends pages in the order in which tables are created and filled, so a table's pages are
    one run, and the size after it is that of the prefix which holds it.
    """
    page_bytes = layout.page_bytes(sum(map(len, contents)))
    prefix_bytes = []
    with closing(_create(path, page_bytes)) as connection:
        connection.execute("BEGIN")
        for table, content in zip(tables, contents, strict=True):
            connection.execute(f"CREATE TABLE {table} ({layout.VALUE_COLUMN} BLOB NOT NULL)")
            connection.execute(f"INSERT INTO {table} VALUES (zeroblob(?))", (len(content),))
            # Written in place: as a bound value it would be copied twice before it becomes pages.
            with connection.blobopen(table, layout.VALUE_COLUMN, 1) as blob:
                blob.write(content)
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
