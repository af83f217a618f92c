"""FilePrefix: the first bytes of a record, or of a column beside it, and the tables in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pcr.dataset import layout
from pcr.dataset.tables import closing, connect, connect_image, cut_image
from pcr.errors import FormatError
from pcr.regular_file import regular_bytes
from pcr.storage.cache import CachedPrefixes
from pcr.storage.local import LocalStore, prefetch
from pcr.storage.location import join
from pcr.storage.remote import RemoteStore
from pcr.storage.retries import fetch_whole
from pcr.storage.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FilePrefix:
    """The first ``prefix_bytes`` of a file of ``file_bytes``, which hold its first ``tables`` tables."""

    prefixes: Store | CachedPrefixes
    """What it is read from."""
    name: str
    file_bytes: int
    prefix_bytes: int
    tables: int

    @property
    def store(self) -> Store:
        """Where the file is."""
        return store_of(self.prefixes)

    @property
    def location(self) -> str:
        """The path or URL of the file."""
        return join(self.store.location, self.name)

    def read(self, extract: Callable[[sqlite3.Connection], T]) -> T:
        """What ``extract`` makes of the tables.

        Read again where that raises FormatError for what came through a cache or a network.
        """
        if isinstance(self.store, LocalStore):
            return self._extract(self._open_file(self.store.root / self.name), extract)
        return fetch_whole(
            lambda: self._extract(self._fetch(), extract), self.store.counters, self._forget
        )

    def _forget(self) -> None:
        if isinstance(self.prefixes, CachedPrefixes):
            self.prefixes.discard(self.name)

    def _extract(
        self, connection: sqlite3.Connection, extract: Callable[[sqlite3.Connection], T]
    ) -> T:
        with closing(connection):
            try:
                return extract(connection)
            except FormatError as error:
                raise FormatError(f"{self.location}: {error}") from None

    def _open_file(self, path: Path) -> sqlite3.Connection:
        found_bytes = _file_bytes(path)
        if found_bytes != self.file_bytes:
            raise FormatError(f"{path}: expected {self.file_bytes} bytes, found {found_bytes}")
        prefetch(path, self.prefix_bytes)
        return connect(path)

    def _fetch(self) -> sqlite3.Connection:
        image = cut_image(self._read_prefix(), self.tables, self.location)
        return connect_image(image, self.location)

    def _read_prefix(self) -> bytes | bytearray:
        if isinstance(self.prefixes, RemoteStore):  # what may be changed in place is not copied
            return self.prefixes.read_prefix(self.name, self.prefix_bytes)
        return self.prefixes.read(self.name, self.prefix_bytes)


def store_of(prefixes: Store | CachedPrefixes) -> Store:
    """The store, whether or not a cache lies before it."""
    return prefixes.store if isinstance(prefixes, CachedPrefixes) else prefixes


def _file_bytes(path: Path) -> int:
    try:
        return regular_bytes(path)
    except OSError as error:
        what = layout.kind(path.name)
        raise FormatError(f"{path}: expected {what}, found: {error.strerror}") from None
