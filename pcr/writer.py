"""Write records and the index: each to a temporary name, fsynced, renamed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import xxhash
from sqlitedict import SqliteDict

from pcr import format as layout
from pcr.errors import DatasetError, FormatError
from pcr.format import DatasetInfo, RecordIndex, RecordInfo


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``; what is written there becomes ``path``, safe on disk.

    Where the block raises, nothing is left and an older file of that name stays.
    """
    temporary = path.with_name(path.name + layout.TEMPORARY_SUFFIX)
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        _fsync(temporary)
        temporary.replace(path)
        _fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_record(path: Path, info: RecordInfo, groups: Sequence[bytes]) -> RecordIndex:
    """Write one record of serialized ScanGroups, levels ascending, and return its index entry.

    Raises FormatError where a group or the record would exceed the format's limits, DatasetError
    where the disk is full.
    """
    contents = [info.encode(), *groups]
    largest, total = max(map(len, contents)), sum(map(len, contents))
    if largest > layout.MAX_GROUP_BYTES or total > layout.MAX_RECORD_BYTES * 0.99:
        raise FormatError(
            f"{path}: expected at most {layout.MAX_GROUP_BYTES} bytes per scan group and "
            f"{layout.MAX_RECORD_BYTES} per record, found {largest} and {total}: "
            "use a smaller --batch_size"
        )
    tables = [
        layout.METADATA_TABLE,
        *(layout.scan_group_table(k) for k in range(1, len(contents))),
    ]
    with atomic_path(path) as temporary:
        try:
            prefix_bytes = _write_tables(temporary, tables, contents)
        except sqlite3.OperationalError as error:
            raise DatasetError(f"{path}: could not be written: {error}") from None
        file_bytes = temporary.stat().st_size
    return RecordIndex(
        images=len(info.images),
        file_bytes=file_bytes,
        prefix_bytes=tuple(prefix_bytes),
        group_bytes=tuple(map(len, contents)),
        checksums=tuple(map(xxhash.xxh3_64_intdigest, contents)),
    )


def write_index(directory: Path, info: DatasetInfo, records: Sequence[RecordIndex]) -> None:
    """Write ``PCR.db``, whose presence means that the dataset is finished."""
    with atomic_path(directory / layout.INDEX_FILE) as temporary:
        try:
            with closing(_create(temporary, page_bytes=4096)):
                pass
            with _index_table(temporary, layout.DATASET_TABLE) as table:
                table[layout.DATASET_KEY] = info.encode()
            with _index_table(temporary, layout.RECORDS_TABLE) as table:
                for number, record in enumerate(records):
                    table[str(number)] = record.encode()
        except sqlite3.OperationalError as error:
            raise DatasetError(f"{directory}: no index could be written: {error}") from None


@contextmanager
def _index_table(path: Path, name: str) -> Iterator[SqliteDict]:
    with closing(
        SqliteDict(
            str(path), tablename=name, encode=sqlite3.Binary, decode=bytes, journal_mode="OFF"
        )
    ) as table:
        yield table
        table.commit()


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
    """One one-row table per content, in order; the file's size behind each.

    SQLite appends pages in the order in which tables are created and filled, so a table's pages are
    one run, and the size behind it is that of the prefix which holds it.
    """
    page_bytes = layout.page_bytes(sum(map(len, contents)))
    prefix_bytes = []
    with closing(_create(path, page_bytes)) as connection:
        connection.execute("BEGIN")
        for table, content in zip(tables, contents, strict=True):
            connection.execute(f"CREATE TABLE {table} ({layout.VALUE_COLUMN} BLOB NOT NULL)")
            connection.execute(f"INSERT INTO {table} VALUES (?)", (content,))
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            prefix_bytes.append(pages * page_bytes)
        connection.execute("COMMIT")
    return prefix_bytes


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
