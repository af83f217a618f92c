"""The tables of a file: a connection that reads them, and a message read in chunks."""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import xxhash

from pcr.dataset import layout
from pcr.dataset.fork_gate import ForkGate
from pcr.errors import FormatError

# Small enough to stay in the processor's cache between SQLite, the checksum and the join.
_CHUNK_BYTES = 128 * 1024

_LEAF_PAGE = 13  # of a table: the whole schema is on the first page

HandleT = TypeVar("HandleT", sqlite3.Connection, sqlite3.Blob)

gate = ForkGate()


def connect(path: Path) -> sqlite3.Connection:
    """A read-only connection to a database that nobody writes to; FormatError for other files."""
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro&immutable=1"
    connection = None
    with gate:
        try:
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            # Each page is read once: few buffers that stay in the processor's cache beat 2 MB.
            connection.execute("PRAGMA cache_size = 8")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if connection is not None:
                connection.close()
            raise FormatError(f"{path}: expected a database of SQLite, found: {error}") from None
    return connection


def connect_image(image: bytes | bytearray, source: str) -> sqlite3.Connection:
    """A connection to a database of which all bytes are at hand; FormatError for other bytes."""
    with gate:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            connection.deserialize(image)
        except sqlite3.Error as error:
            connection.close()
            raise FormatError(f"{source}: expected a database of SQLite, found: {error}") from None
    return connection


def cut_image(prefix: bytes | bytearray, tables: int, source: str) -> bytearray:
    """The database that a record would be if it ended after its first ``tables`` tables.

    prefix: the record up to there; a bytearray is changed in place. Two numbers in it change, how
    many pages the file has and how many rows the schema, since SQLite refuses a file that is
    shorter than its header says.
    Offsets: https://sqlite.org/fileformat2.html#the_database_header and #b_tree_pages.
    """
    layout.check_sqlite_header(bytes(prefix[: layout.SQLITE_HEADER_BYTES]), source)
    (stored_page_bytes,) = struct.unpack_from(">H", prefix, 16)
    page_bytes = 65536 if stored_page_bytes == 1 else stored_page_bytes
    (rows,) = struct.unpack_from(">H", prefix, layout.SQLITE_HEADER_BYTES + 3)
    is_whole = page_bytes > 0 and len(prefix) % page_bytes == 0
    if not is_whole or not is_schema_on_first_page(prefix) or rows < tables:
        raise FormatError(
            f"{source}: expected {tables} tables in whole pages, found {rows} in a prefix of "
            f"{len(prefix)} bytes with pages of {page_bytes}"
        )
    image = prefix if isinstance(prefix, bytearray) else bytearray(prefix)
    struct.pack_into(">I", image, 28, len(prefix) // page_bytes)
    struct.pack_into(">H", image, layout.SQLITE_HEADER_BYTES + 3, tables)
    return image


def is_schema_on_first_page(prefix: bytes | bytearray) -> bool:
    """Whether a database with these first 101 bytes, or more, names all its tables on its first page."""
    return prefix[layout.SQLITE_HEADER_BYTES] == _LEAF_PAGE


@contextmanager
def closing(handle: HandleT) -> Iterator[HandleT]:
    """A connection or blob that is closed in the end."""
    try:
        yield handle
    finally:
        with gate:
            handle.close()


def read_chunks(
    connection: sqlite3.Connection, table: str, size: int, checksum: int | None
) -> Iterator[bytes]:
    """The ``size`` bytes of a table's message in chunks; ``checksum`` None: not compared.

    Raises FormatError where they are damaged; if only the checksum tells, after the last chunk.
    """
    rest = size
    digest = xxhash.xxh3_64()
    try:
        # A blob handle opens nothing but a real table's row and knows its size before it reads.
        with gate:
            opened = connection.blobopen(table, layout.VALUE_COLUMN, 1, readonly=True)
        with closing(opened) as blob:
            if len(blob) != size:
                raise FormatError(f"expected {size} bytes in table {table}, found {len(blob)}")
            while rest > 0:
                with gate:
                    chunk = blob.read(min(rest, _CHUNK_BYTES))
                rest -= len(chunk)
                if checksum is not None:
                    digest.update(chunk)
                yield chunk
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged schema need not be text
        raise FormatError(f"table {table} cannot be read: {error}") from None
    if checksum is not None and digest.intdigest() != checksum:
        raise FormatError(
            f"expected checksum {checksum:016x} of table {table}, found {digest.hexdigest()}"
        )
