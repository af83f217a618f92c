"""A cache of remote prefixes in a local directory, shared by processes and runs.

One file per record holds the bytes from its beginning that were fetched so far. A file appears by
renaming, so that a reader sees a whole one or none, at whatever moment a writer is killed. Writers
take turns by a lock on the directory; readers take none.
"""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from pcr.atomic import TEMPORARY_SUFFIX, atomic_path
from pcr.errors import UsageError
from pcr.storage.lock import file_locked
from pcr.storage.remote import RemoteStore

_LOCK_FILE = "lock"
_TOTAL_FILE = "total_bytes"
_ROOM = 0.05  # of the limit is freed at a time: finding what to evict looks at every file
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKMGT]?)(i?)B?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


class CacheDirectory:
    """A directory of at most ``limit_bytes`` of cached prefixes, of any number of datasets."""

    def __init__(self, root: Path, limit_bytes: int) -> None:
        """Make the directory where there is none; OSError where that is not possible."""
        self.root, self.limit_bytes = root, limit_bytes
        root.mkdir(parents=True, exist_ok=True)
        with file_locked(root / _LOCK_FILE):
            self._make_room(0)

    def read(self, key: str, length: int) -> bytes:
        """As many of the first ``length`` bytes of an entry as there are, which marks it as used."""
        path = self.root / key
        try:
            with path.open("rb", buffering=0) as file:
                found = file.read(length)
            os.utime(path)
        except OSError:  # not there, or evicted meanwhile
            return b""
        return found

    def keep(self, key: str, prefix: bytes) -> None:
        """Let an entry hold these bytes, unless it holds more, or the limit is smaller than they."""
        if len(prefix) > self.limit_bytes:
            return
        path = self.root / key
        with file_locked(self.root / _LOCK_FILE):
            if _file_bytes(path) >= len(prefix):
                return
            self._reserve(len(prefix))
            held = _file_bytes(path)  # 0 where making room evicted it
            path.parent.mkdir(exist_ok=True)
            with atomic_path(path) as temporary:
                temporary.write_bytes(prefix)
            self._write_total(self._read_total() - held)

    def discard(self, key: str) -> None:
        """Forget a damaged entry."""
        (self.root / key).unlink(missing_ok=True)  # the total is too large, until it is counted

    def _reserve(self, size: int) -> None:
        """Count bytes before they are written: one killed meanwhile leaves too large a total."""
        if self._read_total() + size > self.limit_bytes:
            self._make_room(max(size, int(self.limit_bytes * _ROOM)))
        self._write_total(self._read_total() + size)

    def _make_room(self, size: int) -> None:
        """Evict what was not used for longest until ``size`` bytes are free; count what is left."""
        entries = sorted(self._entries())
        total = sum(held for _, held, _ in entries)
        for _, held, path in entries:
            if total + size <= self.limit_bytes:
                break
            path.unlink(missing_ok=True)
            total -= held
        self._write_total(total)

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """When each file was used last, its size and path; what killed writers left comes first."""
        for folder in self.root.iterdir():
            for path in folder.iterdir() if folder.is_dir() else ():
                with contextlib.suppress(FileNotFoundError):  # discarded meanwhile
                    found, whole = path.stat(), path.suffix != TEMPORARY_SUFFIX
                    yield found.st_mtime * whole, found.st_size, path

    def _read_total(self) -> int:
        try:
            return int((self.root / _TOTAL_FILE).read_text())
        except (OSError, ValueError):  # somebody tidied up, or the power failed
            return sum(size for _, size, _ in self._entries())

    def _write_total(self, total: int) -> None:
        with atomic_path(self.root / _TOTAL_FILE, durable=False) as temporary:
            temporary.write_text(str(total))


class CachedPrefixes:
    """Reads prefixes of one version of a dataset from a cache, and from a store what is missing."""

    def __init__(self, store: RemoteStore, directory: CacheDirectory, version: str) -> None:
        """version: a name that no other dataset, and no other version of this one, has."""
        self.store, self.directory, self.version = store, directory, version
        self.location, self.counters = store.location, store.counters
        self._warned = False

    def read(self, name: str, length: int) -> bytes:
        """The first ``length`` bytes; raises as the store does."""
        key = self._key(name)
        found = self.directory.read(key, length)
        if len(found) == length:
            return found
        prefix = found + self.store.read(name, length - len(found), len(found))
        try:
            self.directory.keep(key, prefix)
        except OSError as error:
            self._warn(error)
        return prefix

    def discard(self, name: str) -> None:
        """Forget what the cache holds of a record: it is damaged."""
        self.directory.discard(self._key(name))

    def _key(self, name: str) -> str:
        return f"{self.version}/{name}"

    def _warn(self, error: OSError) -> None:
        """A full disk ends caching, not reading."""
        if not self._warned:
            self._warned = True
            warnings.warn(f"{self.directory.root}: nothing is cached: {error}", stacklevel=2)


def open_cache(root: str | os.PathLike[str], limit: int | str | None) -> CacheDirectory:
    """The cache in a directory; ``limit``: bytes, or a size such as "10GB".

    Raises UsageError where the limit is none, OSError where the directory can't be made.
    """
    if limit is None:
        raise UsageError("expected a size such as '10GB' beside `cache`", "cache_limit")
    return CacheDirectory(Path(root), parse_size(limit))


def parse_size(size: int | str) -> int:
    """Bytes of a size such as 1000, "500MB", "10GB" or "1.5TiB"; UsageError of ``cache_limit``."""
    found = _SIZE.fullmatch(str(size).strip())
    number = (
        round(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2]]) if found else 0
    )
    if number < 1:
        raise UsageError(f"expected a size such as '10GB', found {size!r}", "cache_limit")
    return number


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
