"""Read finished datasets: a record at a level, checked against the index."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import xxhash
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo, RecordIndex, RecordInfo
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.extension import native
from pcr.storage import local as storage

# Small enough to stay in the processor's cache between SQLite, the checksum and the join.
_CHUNK_BYTES = 128 * 1024


@dataclass(frozen=True)
class RecordImages:
    """A record's images at one level: image i is ``data[offsets[i]:offsets[i + 1]]``, a whole JPEG.

    data: uint8 of shape (bytes,); offsets: int64 of shape (images + 1,); labels: int32 of shape (images,).
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, image: int) -> NDArray[np.uint8]:
        """The JPEG of one image, without a copy."""
        return self.data[self.offsets[image] : self.offsets[image + 1]]


class Dataset:
    """A finished dataset: its index in memory, its records read on demand. Safe to use from threads."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Open the dataset in directory ``root``.

        Raises DatasetError where there is none or it is not finished, FormatError where its index is damaged.
        """
        self.root = Path(root)
        _check_finished(self.root)
        self.info, self.records = _read_index(self.root / layout.INDEX_FILE)

    @property
    def levels(self) -> int:
        """How many levels every record has."""
        return self.info.levels

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names; the position is the label."""
        return self.info.class_names

    def __len__(self) -> int:
        """How many images the dataset has."""
        return self.info.images

    def record_path(self, record: int) -> Path:
        """The file of one record."""
        return self.root / layout.record_file(record)

    def check_level(self, n_scans: int | None) -> int:
        """``n_scans``, or all levels for None; UsageError where the dataset has no such level."""
        level = self.levels if n_scans is None else n_scans
        if isinstance(level, bool) or not isinstance(level, int | np.integer):
            raise UsageError(f"n_scans: expected a whole number, found {n_scans!r}")
        if not 1 <= level <= self.levels:
            raise UsageError(
                f"{self.root}: expected n_scans between 1 and {self.levels}, found {n_scans}"
            )
        return int(level)

    def read(self, record: int, level: int, *, verify: bool = True) -> RecordImages:
        """One record's images at ``level``; ``verify`` compares the checksums of all that is read.

        Raises FormatError, naming the file, where it is damaged.
        """
        path, index = self.record_path(record), self.records[record]
        with closing(self._open(record, level)) as connection:
            try:
                joined = _join_tables(connection, index, level, verify)
            except FormatError as error:
                raise FormatError(f"{path}: {error}") from None
        images = RecordImages(*joined)
        labels, classes = images.labels, len(self.class_names)
        if len(labels) != index.images or not _all_in_range(labels, classes):
            raise FormatError(
                f"{path}: expected {index.images} labels below {classes}, "
                f"found {len(labels)} up to {labels.max(initial=-1)}"
            )
        return images

    def read_info(self, record: int) -> RecordInfo:
        """One record's metadata, checked."""
        (metadata,) = self.read_groups(record, 0)
        return RecordInfo.decode(metadata, str(self.record_path(record)))

    def read_groups(self, record: int, level: int, *, verify: bool = True) -> list[bytes]:
        """One record's serialized messages: the metadata, then the ScanGroups of levels 1 … ``level``."""
        index = self.records[record]
        with closing(self._open(record, level)) as connection:
            try:
                return [
                    b"".join(_read_chunks(connection, index, k, verify)) for k in range(level + 1)
                ]
            except FormatError as error:
                raise FormatError(f"{self.record_path(record)}: {error}") from None

    def _open(self, record: int, level: int) -> sqlite3.Connection:
        path, index = self.record_path(record), self.records[record]
        found_bytes = _file_bytes(path)
        if found_bytes != index.file_bytes:
            raise FormatError(f"{path}: expected {index.file_bytes} bytes, found {found_bytes}")
        storage.prefetch(path, index.prefix_bytes[level])
        return connect(path)


def connect(path: Path) -> sqlite3.Connection:
    """A read-only connection to a database file that nobody writes; FormatError where it is none."""
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    try:
        # Each page is read once: few buffers that stay in the processor's cache beat SQLite's 2 MB of them.
        connection.execute("PRAGMA cache_size = 8")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        connection.close()
        raise FormatError(f"{path}: expected a database of SQLite, found: {error}") from None
    return connection


def _join_tables(
    connection: sqlite3.Connection, index: RecordIndex, level: int, verify: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]:
    metadata = b"".join(_read_chunks(connection, index, 0, verify))
    joiner = native.RecordJoiner(metadata, level)
    for k in range(1, level + 1):
        for chunk in _read_chunks(connection, index, k, verify):
            joiner.feed(k, chunk)
    return joiner.finish()


def _read_chunks(
    connection: sqlite3.Connection, index: RecordIndex, level: int, verify: bool
) -> Iterator[bytes]:
    """The message of one level (0: the metadata) in chunks; FormatError behind the last if it is damaged."""
    table = layout.scan_group_table(level) if level else layout.METADATA_TABLE
    left = index.group_bytes[level]
    digest = xxhash.xxh3_64()
    try:
        # A blob handle opens nothing but a real table's row and knows its size before it reads.
        with connection.blobopen(table, layout.VALUE_COLUMN, 1, readonly=True) as blob:
            if len(blob) != left:
                raise FormatError(f"expected {left} bytes in table {table}, found {len(blob)}")
            while left > 0:
                chunk = blob.read(min(left, _CHUNK_BYTES))
                left -= len(chunk)
                if verify:
                    digest.update(chunk)
                yield chunk
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged schema need not be text
        raise FormatError(f"table {table} cannot be read: {error}") from None
    if verify and digest.intdigest() != index.checksums[level]:
        raise FormatError(
            f"expected checksum {index.checksums[level]:016x} of table {table}, "
            f"found {digest.hexdigest()}"
        )


def _all_in_range(labels: NDArray[np.int32], classes: int) -> bool:
    return len(labels) == 0 or (labels.min() >= 0 and labels.max() < classes)


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise FormatError(f"{path}: expected a record, found: {error.strerror}") from None


def _check_finished(root: Path) -> None:
    if not root.is_dir():
        raise DatasetError(f"{root}: expected the directory of a PCR dataset, found none")
    if (root / layout.INDEX_FILE).is_file():
        return
    if (root / layout.PLAN_FILE).exists():
        raise DatasetError(
            f"{root}: expected a finished PCR dataset, found a conversion that was interrupted: "
            "run the same conversion command again (without --force), it goes on where it stopped"
        )
    raise DatasetError(f"{root}: expected a PCR dataset, found no {layout.INDEX_FILE}")


def _read_index(path: Path) -> tuple[DatasetInfo, tuple[RecordIndex, ...]]:
    source = str(path)
    layout.check_sqlite_header(storage.read_prefix(path, 100), source)
    # Not through sqlitedict, which wrote the tables: it unpickles by default, and it opens the file for writing,
    # where SQLite plays back a journal that lies beside it. A stranger's can name a file elsewhere to delete.
    try:
        with closing(connect(path)) as connection:
            _check_schema(connection, source)
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)
            dataset = _read_index_table(connection, layout.DATASET_TABLE)
            entries = _read_index_table(connection, layout.RECORDS_TABLE)
        info = DatasetInfo.decode(dataset[layout.DATASET_KEY], source)
        if len(entries) != info.records:
            raise FormatError(f"{path}: expected {info.records} records, found {len(entries)}")
        ordered = [entries[str(number)] for number in range(info.records)]
    except (sqlite3.Error, UnicodeDecodeError, KeyError) as error:
        # a damaged schema need not be text
        raise FormatError(f"{path}: expected a PCR index, found it damaged: {error}") from None
    records = tuple(RecordIndex.decode(entry, source) for entry in ordered)
    _check_index(info, records, source)
    return info, records


def _check_index(info: DatasetInfo, records: Sequence[RecordIndex], source: str) -> None:
    """Levels, checksum and number of images."""
    if any(len(record.prefix_bytes) != info.levels + 1 for record in records):
        raise FormatError(f"{source}: expected {info.levels} levels in every record")
    expected = info.sealed(records).index_checksum
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
    """Refuse all but plain tables: views, computed columns and constraints could fill the memory."""
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


def _read_index_table(connection: sqlite3.Connection, name: str) -> dict[str, bytes]:
    entries = dict(connection.execute(f"SELECT key, value FROM {name}"))
    for value in entries.values():
        if not isinstance(value, bytes):  # SQLite lets any column hold any type
            raise sqlite3.DatabaseError(f"a value of type {type(value).__name__}")
    return entries
