"""Store: what readers and writers ask of any place, and how one is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from pcr.storage.counters import Counters
from pcr.storage.local import LocalStore
from pcr.storage.location import Location, is_remote, local_path
from pcr.storage.remote import RemoteStore
from pcr.storage.retries import Retries


class Store(Protocol):
    """Named files in one place, local or remote."""

    location: str
    """The path or URL, fit for messages."""
    counters: Counters

    @property
    def can_list(self) -> bool:
        """Whether `names` and `folders` work: not for ``http(s)://``."""

    def read(self, name: str, length: int | None = None, start: int = 0) -> bytes:
        """Exactly ``length`` bytes from ``start`` on, or a StorageError; None: all to the end."""

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None where there is none."""

    def version(self, name: str) -> str:
        """Tells one version of a file from others: its time, or ETag; ObjectNotFoundError."""

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The names that begin with ``prefix``, with sizes in bytes; not for ``http(s)://``."""

    def folders(self) -> Iterator[str]:
        """The names of the folders that lie directly there; not for ``http(s)://``."""

    def placing(self, name: str) -> AbstractContextManager[Path]:
        """A local path; what the block writes to it, whole or not at all, is there in the end."""

    def write(self, name: str, source: Path | bytes) -> None:
        """Put a file or bytes there, whole or not at all."""

    def append(self, name: str, data: bytes) -> None:
        """Add to a small file; an object store writes all of it again."""

    def delete(self, name: str) -> None:
        """Remove a file, if there is one."""


def open_store(location: Location, retries: Retries | None = None) -> LocalStore | RemoteStore:
    """The store at a path or URL. Nothing is read yet, and a directory need not exist.

    retries: how patient a remote one is. Raises UsageError for a URL that makes no sense.
    """
    if is_remote(location):
        return RemoteStore(str(location), retries)
    return LocalStore(local_path(location))


def open_parent(location: Location) -> tuple[LocalStore | RemoteStore, str]:
    """The store of the folder that a file lies in, and the file's name there."""
    if is_remote(location):
        folder, _, name = str(location).rpartition("/")
        return open_store(folder), name
    path = local_path(location)
    return LocalStore(path.parent), path.name
