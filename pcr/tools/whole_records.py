"""Whole records, read ahead: all of their bytes, compared with the checksums of the index."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import xxhash

from pcr.dataset import layout
from pcr.dataset.messages import RecordIndex
from pcr.dataset.record import Record
from pcr.dataset.tables import closing, connect_image, read_chunks
from pcr.errors import FormatError
from pcr.regular_file import read_regular, regular_bytes
from pcr.storage.local import LocalStore

_MOST_AHEAD = 8
_AHEAD_BYTES = 2**28


@dataclass(frozen=True)
class WholeRecord:
    """A record: the bytes of its file; its metadata, then its ScanGroups, as serialized messages."""

    record: Record
    data: bytes
    messages: Sequence[bytes]


def read_ahead(
    records: Iterable[Record],
) -> Generator[tuple[Record, Future[WholeRecord]], None, None]:
    """Each record and what `read_whole` makes of it, in order.

    Up to 8 records are read at once, of 256 MiB together, or one that is larger.
    """
    ahead: deque[tuple[Record, Future[WholeRecord]]] = deque()
    with ThreadPoolExecutor(_MOST_AHEAD, thread_name_prefix="pcr-read") as pool:
        try:
            for record in records:
                ahead.append((record, pool.submit(read_whole, record)))
                while len(ahead) > _MOST_AHEAD or _file_bytes(ahead) > _AHEAD_BYTES:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            pool.shutdown(cancel_futures=True)


def _file_bytes(ahead: Iterable[tuple[Record, object]]) -> int:
    return sum(record.file_bytes for record, _ in ahead)


def read_whole(record: Record) -> WholeRecord:
    """A record, from a store twice where it is damaged at first.

    Raises FormatError where it is damaged, OSError or StorageError where it can't be read.
    """
    try:
        return _read_once(record)
    except FormatError:
        if isinstance(record.store, LocalStore):
            raise
        record.store.counters.add(retries=1)  # the network may have damaged what is whole there
        return _read_once(record)


def _read_once(record: Record) -> WholeRecord:
    data = _read_bytes(record)
    messages = read_messages(data, record.entry, range(record.levels + 1))
    expected, found = record.entry.file_checksum, xxhash.xxh3_64_intdigest(data)
    if found != expected:
        raise FormatError(f"expected checksum {expected:016x}, found {found:016x}")
    return WholeRecord(record, data, messages)


def _read_bytes(record: Record) -> bytes:
    found = _stored_bytes(record)
    if found != record.file_bytes:
        raise FormatError(f"expected {record.file_bytes} bytes, found {found}")
    if isinstance(record.store, LocalStore):
        return read_regular(record.path)
    return record.store.read(record.name, record.file_bytes)


def _stored_bytes(record: Record) -> int:
    if not isinstance(record.store, LocalStore):
        found = record.store.size(record.name)
        if found is None:
            raise FormatError("expected a record, found none")
        return found
    try:
        return regular_bytes(record.path)
    except OSError as error:
        raise FormatError(f"expected a record, found: {error.strerror}") from None


def read_messages(data: bytes, entry: RecordIndex, levels: Iterable[int]) -> list[bytes]:
    """The messages of some levels, 0 for the metadata, in the bytes of a record.

    Raises FormatError unless they are those of the entry.
    """
    with closing(connect_image(data, "record")) as connection:
        return [
            b"".join(
                read_chunks(connection, table, entry.group_bytes[level], entry.checksums[level])
            )
            for level, table in ((level, layout.message_table(level)) for level in levels)
        ]
