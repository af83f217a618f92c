"""Whole files, read ahead: all of their bytes, compared with the checksums of the index."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import xxhash

from pcr.dataset import layout
from pcr.errors import FormatError
from pcr.regular_file import read_regular, regular_bytes
from pcr.storage.local import LocalStore
from pcr.storage.retries import fetch_whole
from pcr.tools.stored_file import StoredFile

_MOST_AHEAD = 8
_AHEAD_BYTES = 2**28


@dataclass(frozen=True)
class WholeFile:
    """A file of a dataset: its bytes, and the contents of its tables."""

    file: StoredFile
    data: bytes
    tables: Mapping[str, bytes]


def read_ahead(
    files: Iterable[StoredFile],
) -> Generator[tuple[StoredFile, Future[WholeFile]], None, None]:
    """Each file and what `read_whole` makes of it, in order.

    Up to 8 files are read at once, of 256 MiB together, or one that is larger.
    """
    ahead: deque[tuple[StoredFile, Future[WholeFile]]] = deque()
    with ThreadPoolExecutor(_MOST_AHEAD, thread_name_prefix="pcr-read") as pool:
        try:
            for file in files:
                ahead.append((file, pool.submit(read_whole, file)))
                while len(ahead) > _MOST_AHEAD or _file_bytes(ahead) > _AHEAD_BYTES:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            pool.shutdown(cancel_futures=True)


def _file_bytes(ahead: Iterable[tuple[StoredFile, object]]) -> int:
    return sum(file.file_bytes for file, _ in ahead)


def read_whole(file: StoredFile) -> WholeFile:
    """A file, fetched again from a store where it is damaged at first.

    Raises FormatError where it is damaged, OSError or StorageError where it can't be read.
    """
    _check_size(file)
    if isinstance(file.store, LocalStore):
        return _read_once(file)
    return fetch_whole(lambda: _read_once(file), file.store.counters)


def _read_once(file: StoredFile) -> WholeFile:
    data = _read_bytes(file)
    tables = file.tables_in(data)
    found = xxhash.xxh3_64_intdigest(data)
    if found != file.file_checksum:
        raise FormatError(f"expected checksum {file.file_checksum:016x}, found {found:016x}")
    return WholeFile(file, data, tables)


def _check_size(file: StoredFile) -> None:
    found = _stored_bytes(file)
    if found != file.file_bytes:
        raise FormatError(f"expected {file.file_bytes} bytes, found {found}")


def _read_bytes(file: StoredFile) -> bytes:
    if isinstance(file.store, LocalStore):
        return read_regular(file.store.root / file.name)
    return file.store.read(file.name, file.file_bytes)


def _stored_bytes(file: StoredFile) -> int:
    if not isinstance(file.store, LocalStore):
        found = file.store.size(file.name)
        if found is None:
            raise FormatError(f"expected {layout.kind(file.name)}, found none")
        return found
    try:
        return regular_bytes(file.store.root / file.name)
    except OSError as error:
        what = layout.kind(file.name)
        raise FormatError(f"expected {what}, found: {error.strerror}") from None
