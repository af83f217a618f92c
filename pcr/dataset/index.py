"""The index of a dataset, ``PCR.db``: read without trust in who wrote it."""

from __future__ import annotations

import gc
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from pcr.dataset import layout
from pcr.dataset.column_index import ColumnIndex, check_column_indexes
from pcr.dataset.messages import DatasetInfo, RecordIndex
from pcr.dataset.tables import closing, connect, connect_image, gate
from pcr.errors import FormatError
from pcr.storage import local as storage

Index: TypeAlias = tuple[DatasetInfo, tuple[RecordIndex, ...], tuple[ColumnIndex, ...]]
"""What an index says: of the dataset, of every record, of every column."""

_TABLES = (layout.DATASET_TABLE, layout.RECORDS_TABLE)
_TABLES_WITH_COLUMNS = (layout.COLUMNS_TABLE, *_TABLES)


def read_index(path: Path) -> Index:
    """What the index in a file says; FormatError where it is damaged."""
    source = str(path)
    header = storage.read_prefix(path, 100)
    layout.check_sqlite_header(header, source)
    layout.check_index_bytes(header, path.stat().st_size, source)
    return _read_index(lambda: connect(path), source)


def decode_index(data: bytes, source: str) -> Index:
    """The same of an index of which the bytes are at hand."""
    layout.check_sqlite_header(data[:100], source)
    layout.check_index_bytes(data[:100], len(data), source)
    return _read_index(lambda: connect_image(data, source), source)


def _read_index(connect_index: Callable[[], sqlite3.Connection], source: str) -> Index:
    # Not through sqlitedict, which has such tables: it unpickles by default, and it opens the file
    # for writing, so that SQLite plays back a journal beside it. A stranger's journal can name a
    # file elsewhere, which is then deleted.
    try:
        with closing(connect_index()) as connection, gate:
            dataset, entries, columns = _read_tables(connection, source)
        info = DatasetInfo.decode(dataset[layout.DATASET_KEY], source)
        if len(entries) != info.records:
            raise FormatError(f"{source}: expected {info.records} records, found {len(entries)}")
        ordered = [entries[str(number)] for number in range(info.records)]
    except (sqlite3.Error, UnicodeDecodeError, KeyError) as error:
        # a damaged schema need not be text
        raise FormatError(f"{source}: expected a PCR index, found it damaged: {error}") from None
    with _garbage_left():
        records = tuple(RecordIndex.decode(entry, source) for entry in ordered)
    _check_index(info, records, ordered, source)
    return info, records, _decode_columns(columns, records, source)


@contextmanager
def _garbage_left() -> Iterator[None]:
    """No garbage is looked for: among 100 000 new records, all in use, that takes a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read_tables(
    connection: sqlite3.Connection, source: str
) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]:
    """What is said of the dataset, of each record, and of each column in order."""
    has_columns = _check_schema(connection, source)
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    return (
        _read_table(connection, layout.DATASET_TABLE),
        _read_table(connection, layout.RECORDS_TABLE),
        _read_table(connection, layout.COLUMNS_TABLE) if has_columns else {},
    )


def _decode_columns(
    entries: Mapping[str, bytes], records: Sequence[RecordIndex], source: str
) -> tuple[ColumnIndex, ...]:
    columns = tuple(ColumnIndex.decode(entry, source) for entry in entries.values())
    for name, column in zip(entries, columns, strict=True):
        if column.name != name:
            raise FormatError(f"{source}: expected column {name}, found {column.name}")
    check_column_indexes(columns, records, source)
    return columns


def _check_index(
    info: DatasetInfo, records: Sequence[RecordIndex], entries: Sequence[bytes], source: str
) -> None:
    """Levels, checksum and number of images."""
    if any(len(record.prefix_bytes) != info.levels + 1 for record in records):
        raise FormatError(f"{source}: expected {info.levels} levels in every record")
    expected = info.sealed_over(entries).index_checksum
    if info.index_checksum != expected:
        raise FormatError(
            f"{source}: expected checksum {expected:016x} of its entries, "
            f"found {info.index_checksum:016x}"
        )
    found_images = sum(record.images for record in records)
    if found_images != info.images:
        raise FormatError(
            f"{source}: expected {info.images} images in records, found {found_images}"
        )


def _check_schema(connection: sqlite3.Connection, source: str) -> bool:
    """Refuse all but plain tables: views and computed columns could fill the memory.

    Whether there is one for columns.
    """
    query = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    found = connection.execute(query).fetchall()
    bare = [(name, _bare(sql)) for name, sql in found]
    if bare not in (_schema_of(_TABLES), _schema_of(_TABLES_WITH_COLUMNS)):
        raise FormatError(
            f"{source}: expected the tables {' and '.join(_TABLES)} ({layout.INDEX_COLUMNS}) alone, "
            f"or {layout.COLUMNS_TABLE} beside them, "
            f"found {', '.join(str(name) for name, _ in found) or 'none'}"
        )
    return len(found) > len(_TABLES)


def _schema_of(tables: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, _bare(f"CREATE TABLE {name} ({layout.INDEX_COLUMNS})")) for name in tables]


def _bare(sql: str) -> str:
    """A statement without what does not matter: blanks, quotes of names, case."""
    return re.sub(r'[\s"]', "", sql).lower()


def _read_table(connection: sqlite3.Connection, name: str) -> dict[str, bytes]:
    entries = dict(connection.execute(f"SELECT key, value FROM {name} ORDER BY rowid"))
    for value in entries.values():
        if not isinstance(value, bytes):  # SQLite lets any column hold any type
            raise sqlite3.DatabaseError(f"a value of type {type(value).__name__}")
    return entries
