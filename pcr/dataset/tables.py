"""The tables of a file: a connection that reads them, and a message read in chunks."""

from __future__ import annotations

import os
import sqlite3
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
