"""The index of a dataset, ``PCR.db``: read without trust in who wrote it."""

from __future__ import annotations

import gc
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo, RecordIndex
from pcr.dataset.tables import closing, connect, connect_image, gate
from pcr.errors import FormatError
from pcr.storage import local as storage


def read_index(path: Path) -> tuple[DatasetInfo, tuple[RecordIndex, ...]]:
    """What an index says of its dataset and of every record; FormatError where it is damaged."""
    source = str(path)
    header = storage.read_prefix(path, 100)
    layout.check_sqlite_header(header, source)
    layout.check_index_bytes(header, path.stat().st_size, source)
    return _read_index(lambda: connect(path), source)


def decode_index(data: bytes, source: str) -> tuple[DatasetInfo, tuple[RecordIndex, ...]]:
    """The same of an index of which the bytes are at hand."""
    layout.check_sqlite_header(data[:100], source)
    layout.check_index_bytes(data[:100], len(data), source)
    return _read_index(lambda: connect_image(data, source), source)


def _read_index(
    connect_index: Callable[[], sqlite3.Connection], source: str
) -> tuple[DatasetInfo, tuple[RecordIndex, ...]]:
    # Not through sqlitedict, which has such tables: it unpickles by default, and it opens the file
    # for writing, so that SQLite plays back a journal beside it. A stranger's journal can name a
    # file elsewhere, which is then deleted.
    try:
        with closing(connect_index()) as connection, gate:
            dataset, entries = _read_tables(connection, source)
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
    return info, records


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
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What is said of the dataset, and of each record."""
    _check_schema(connection, source)
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    return (
        _read_table(connection, layout.DATASET_TABLE),
        _read_table(connection, layout.RECORDS_TABLE),
    )


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


def _check_schema(connection: sqlite3.Connection, source: str) -> None:
    """Refuse all but plain tables: views and computed columns could fill the memory."""
    query = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    found = connection.execute(query).fetchall()
    names = (layout.DATASET_TABLE, layout.RECORDS_TABLE)
    expected = [(name, _bare(f"CREATE TABLE {name} ({layout.INDEX_COLUMNS})")) for name in names]
    if [(name, _bare(sql)) for name, sql in found] != expected:
        raise FormatError(
            f"{source}: expected the tables {' and '.join(names)} ({layout.INDEX_COLUMNS}) alone, "
            f"found {', '.join(str(name) for name, _ in found) or 'none'}"
        )


def _bare(sql: str) -> str:
    """A statement without what does not matter: blanks, quotes of names, case."""
    return re.sub(r'[\s"]', "", sql).lower()


def _read_table(connection: sqlite3.Connection, name: str) -> dict[str, bytes]:
    entries = dict(connection.execute(f"SELECT key, value FROM {name}"))
    for value in entries.values():
        if not isinstance(value, bytes):  # SQLite lets any column hold any type
            raise sqlite3.DatabaseError(f"a value of type {type(value).__name__}")
    return entries
