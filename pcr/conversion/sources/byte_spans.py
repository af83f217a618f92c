"""Span: a run of bytes within a file of any store."""

from __future__ import annotations

from dataclasses import dataclass

from pcr.storage.location import join
from pcr.storage.store import Store


@dataclass(frozen=True)
class SourceFile:
    """One file of a store, and what tells its versions apart."""

    store: Store
    name: str
    version: str

    @property
    def location(self) -> str:
        """Its path or URL, fit for messages."""
        return join(self.store.location, self.name)


@dataclass(frozen=True, slots=True)  # there may be millions
class Span:
    """``size`` bytes of a file, from ``start`` on."""

    file: SourceFile
    start: int
    size: int

    @property
    def location(self) -> str:
        """The file."""
        return self.file.location

    @property
    def version(self) -> str:
        """What tells them from other bytes."""
        return f"{self.file.version} {self.start}"

    def read(self) -> bytes:
        """The bytes; StorageError where they can't be had."""
        return self.file.store.read(self.file.name, self.size, self.start)
