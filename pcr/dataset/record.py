"""Record: one file of a dataset, read at a level and checked against the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.dataset.messages import RecordIndex, RecordInfo
from pcr.dataset.tables import closing, connect, connect_image, cut_image, read_chunks
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.extension import native
from pcr.jpeg import Buffer
from pcr.regular_file import regular_bytes
from pcr.storage.cache import CachedPrefixes
from pcr.storage.local import LocalStore, prefetch
from pcr.storage.location import join
from pcr.storage.store import Store

T = TypeVar("T")


@dataclass(frozen=True)
class RecordImages:
    """A record's images at one level: image i is ``data[offsets[i]:offsets[i + 1]]``, a whole JPEG.

    data: uint8 of shape (bytes,). offsets: int64 of shape (images + 1,).
    labels: int32 of shape (images,).
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, image: int) -> NDArray[np.uint8]:
        """The JPEG of one image, without a copy."""
        return self.data[self.offsets[image] : self.offsets[image + 1]]


@dataclass(frozen=True, repr=False, slots=True)
class Record:
    """One record of a dataset: ``dataset.records`` has them all. Safe to use from threads."""

    prefixes: Store | CachedPrefixes
    """What it is read from."""
    number: int
    entry: RecordIndex
    """What the index says of the record."""
    num_classes: int

    @property
    def store(self) -> Store:
        """Where the file is."""
        if isinstance(self.prefixes, CachedPrefixes):
            return self.prefixes.store
        return self.prefixes

    @property
    def name(self) -> str:
        """The name of the file."""
        return layout.record_file(self.number)

    @property
    def location(self) -> str:
        """The path or URL of the file."""
        return join(self.store.location, self.name)

    @property
    def path(self) -> Path:
        """The path of the file; DatasetError where the record is remote."""
        if isinstance(self.store, LocalStore):
            return self.store.root / self.name
        raise DatasetError(f"{self.location}: expected a record in a local directory")

    @property
    def images(self) -> int:
        """How many images the record has."""
        return self.entry.images

    @property
    def levels(self) -> int:
        """How many levels the record has."""
        return len(self.entry.prefix_bytes) - 1

    @property
    def file_bytes(self) -> int:
        """The size of the file."""
        return self.entry.file_bytes

    @property
    def prefix_bytes(self) -> tuple[int, ...]:
        """Entry k: how many bytes of the file hold levels 1 … k; entry 0: the metadata alone."""
        return self.entry.prefix_bytes

    def __repr__(self) -> str:
        return f"<Record {self.location!r}: {self.images} images, {self.levels} levels>"

    def info(self) -> RecordInfo:
        """The metadata: names, labels and sizes of images. FormatError where it is damaged."""
        (metadata,) = self.read_groups(0)
        return RecordInfo.decode(metadata, self.location)

    def read(self, level: int | None = None, *, verify: bool = True) -> RecordImages:
        """The record's images at ``level`` (None: all levels), read from its prefix.

        ``verify`` compares the checksums of all that is read. Raises FormatError, naming the file,
        where it is damaged, UsageError where there is no such level.
        """
        level = check_level(level, self.levels, "level")
        images = self._read(level, lambda tables: RecordImages(*self._join(tables, level, verify)))
        self._check_labels(images.labels)
        return images

    def read_groups(self, level: int | None = None, *, verify: bool = True) -> list[bytes]:
        """The serialized messages: the metadata, then the ScanGroups of levels 1 … ``level``.

        None stands for all levels, 0 for the metadata alone. Raises as ``read``.
        """
        level = check_level(level, self.levels, "level", least=0)
        return self._read(
            level,
            lambda tables: [b"".join(self._chunks(tables, k, verify)) for k in range(level + 1)],
        )

    def _read(self, level: int, extract: Callable[[sqlite3.Connection], T]) -> T:
        """What ``extract`` makes of the record's tables up to ``level``, which are fetched."""
        if isinstance(self.store, LocalStore):
            return self._extract(self._open_file(level), extract)
        cached = isinstance(self.prefixes, CachedPrefixes)
        for _ in range(2 if cached else 1):  # a cache, and the network, may damage what is whole
            try:
                return self._extract(self._fetch(level), extract)
            except FormatError:
                self._fetch_again()
        try:
            return self._extract(self._fetch(level), extract)
        except FormatError as error:
            raise FormatError(f"{error} (also when fetched again)") from None

    def _fetch_again(self) -> None:
        self.store.counters.add(retries=1)
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

    def _open_file(self, level: int) -> sqlite3.Connection:
        found_bytes = _file_bytes(self.path)
        if found_bytes != self.file_bytes:
            raise FormatError(f"{self.path}: expected {self.file_bytes} bytes, found {found_bytes}")
        prefetch(self.path, self.prefix_bytes[level])
        return connect(self.path)

    def _fetch(self, level: int) -> sqlite3.Connection:
        prefix = self.prefixes.read(self.name, self.prefix_bytes[level])
        return connect_image(cut_image(prefix, level + 1, self.location), self.location)

    def _join(
        self, connection: sqlite3.Connection, level: int, verify: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]:
        joiner = native.RecordJoiner(b"".join(self._chunks(connection, 0, verify)), level)
        for k in range(1, level + 1):
            for chunk in self._chunks(connection, k, verify):
                joiner.feed(k, chunk)
        return joiner.finish()

    def _chunks(self, connection: sqlite3.Connection, level: int, verify: bool) -> Iterator[bytes]:
        """The message of one level, 0 for the metadata."""
        checksum = self.entry.checksums[level] if verify else None
        table = layout.message_table(level)
        return read_chunks(connection, table, self.entry.group_bytes[level], checksum)

    def _check_labels(self, labels: NDArray[np.int32]) -> None:
        in_range = labels.min(initial=0) >= 0 and labels.max(initial=0) < self.num_classes
        if len(labels) != self.images or not in_range:
            raise FormatError(
                f"{self.location}: expected {self.images} labels below {self.num_classes}, "
                f"found {len(labels)} up to {labels.max(initial=-1)}"
            )


@dataclass(frozen=True, repr=False)
class Records(Sequence[Record]):
    """The records of a dataset, each made when it is asked for. Safe to use from threads."""

    prefixes: Store | CachedPrefixes
    """What they are read from."""
    entries: tuple[RecordIndex, ...]
    """What the index says of each."""
    num_classes: int

    @overload
    def __getitem__(self, number: int) -> Record: ...

    @overload
    def __getitem__(self, number: slice) -> tuple[Record, ...]: ...

    def __getitem__(self, number: int | slice) -> Record | tuple[Record, ...]:
        numbers = range(len(self.entries))[number]
        if isinstance(numbers, range):
            return tuple(map(self._make, numbers))
        return self._make(numbers)

    def __len__(self) -> int:
        return len(self.entries)

    def _make(self, number: int) -> Record:
        return Record(self.prefixes, number, self.entries[number], self.num_classes)


def join_groups(metadata: Buffer, groups: Sequence[Buffer]) -> RecordImages:
    """Join the serialized ScanGroups of levels 1 … n of a record whose serialized metadata is ``metadata``.

    Raises FormatError where a group does not hold what the metadata promises.
    """
    joiner = native.RecordJoiner(metadata, len(groups))
    for level, group in enumerate(groups, start=1):
        joiner.feed(level, group)
    return RecordImages(*joiner.finish())


def check_level(level: int | None, levels: int, parameter: str, least: int = 1) -> int:
    """``level``, or all ``levels`` for None. UsageError of ``parameter`` for any other level."""
    if level is None:
        return levels
    if isinstance(level, bool) or not isinstance(level, int | np.integer):
        raise UsageError(f"expected a whole number, found {level!r}", parameter)
    if not least <= level <= levels:
        raise UsageError(f"expected a level between {least} and {levels}, found {level}", parameter)
    return int(level)


def _file_bytes(path: Path) -> int:
    try:
        return regular_bytes(path)
    except OSError as error:
        raise FormatError(f"{path}: expected a record, found: {error.strerror}") from None
