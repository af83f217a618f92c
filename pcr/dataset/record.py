"""Record: one file of a dataset, read at a level and checked against the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.dataset.column_choice import ColumnChoice
from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.column_types import ColumnValues
from pcr.dataset.columns import LABEL
from pcr.dataset.file_prefix import FilePrefix, store_of
from pcr.dataset.messages import RecordIndex, RecordInfo
from pcr.dataset.tables import read_chunks
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.extension import native
from pcr.jpeg import Buffer
from pcr.storage.cache import CachedPrefixes
from pcr.storage.local import LocalStore
from pcr.storage.location import join
from pcr.storage.store import Store


@dataclass(frozen=True)
class RecordImages:
    """A record's images at one level: image i is ``data[offsets[i]:offsets[i + 1]]``, a whole JPEG.

    data: uint8 of shape (bytes,). offsets: int64 of shape (images + 1,).
    labels: int32 of shape (images,). columns: those that were asked for, in the images' order.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int32]
    columns: dict[str, ColumnValues] = field(default_factory=dict)

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
    column_indexes: tuple[ColumnIndex, ...] = ()
    """What the index says of every column."""

    @property
    def store(self) -> Store:
        """Where the file is."""
        return store_of(self.prefixes)

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

    @property
    def columns_within(self) -> tuple[ColumnIndex, ...]:
        """The columns that lie in the record itself."""
        return tuple(index for index in self.column_indexes if not index.column.beside)

    @property
    def columns_beside(self) -> tuple[ColumnIndex, ...]:
        """The columns that lie in files of their own."""
        return tuple(index for index in self.column_indexes if index.column.beside)

    def __repr__(self) -> str:
        return f"<Record {self.location!r}: {self.images} images, {self.levels} levels>"

    def info(self) -> RecordInfo:
        """The metadata: names, labels and sizes of images. FormatError where it is damaged."""
        (metadata,) = self.read_groups(0)
        info = RecordInfo.decode(metadata, self.location)
        self.check_labels(info.labels)
        return info

    def read(
        self, level: int | None = None, *, columns: Sequence[str] = (), verify: bool = True
    ) -> RecordImages:
        """The record's images at ``level`` (None: all levels), read from its prefix.

        columns: names of columns to read as well, ``label`` and ``name`` among them: from the same
            prefix, or from the files beside the record that hold them.
        verify: compare the checksums of all that is read.

        Raises FormatError, naming the file, where it is damaged, UsageError where there is no such
        level or column.
        """
        level = check_level(level, self.levels, "level")
        choice = ColumnChoice.of(columns, self.column_indexes)

        def extract(tables: sqlite3.Connection) -> RecordImages:
            images = RecordImages(*self._join(tables, level, verify))
            return replace(images, columns=choice.within(tables, self.number, self.entry, verify))

        images = self.prefix(level).read(extract)
        self.check_labels(images.labels)
        return replace(images, columns=self._completed(choice, images.columns, verify))

    def columns(self, names: Sequence[str], *, verify: bool = True) -> dict[str, ColumnValues]:
        """The values of some columns, in the images' order, without reading the images.

        names: columns of the dataset, ``label`` (int64 of shape (images,)) and ``name`` (str).
        verify: compare the checksums of all that is read.

        Values of one size come as an array of shape (images, …), others as a list. Raises
        FormatError, naming the file, where one is damaged, UsageError where there is no such
        column.
        """
        choice = ColumnChoice.of(names, self.column_indexes)
        found: dict[str, ColumnValues] = {}
        if choice.tables:
            prefix_bytes = choice.prefix_bytes(self.number, self.entry)
            found = self._file(prefix_bytes, choice.tables).read(
                partial(choice.within, record=self.number, entry=self.entry, verify=verify)
            )
        if LABEL in found:
            self.check_labels(found[LABEL])
        return self._completed(choice, found, verify)

    def bytes_to_read(self, level: int, columns: Sequence[str] = ()) -> int:
        """How many bytes of files `read` asks for."""
        beside = (index for index in self.columns_beside if index.name in columns)
        return self.prefix_bytes[level] + sum(index.prefix_bytes[self.number] for index in beside)

    def read_groups(self, level: int | None = None, *, verify: bool = True) -> list[bytes]:
        """The serialized messages: the metadata, then the ScanGroups of levels 1 … ``level``.

        None stands for all levels, 0 for the metadata alone. Raises as ``read``.
        """
        level = check_level(level, self.levels, "level", least=0)
        return self.prefix(level).read(
            lambda tables: [b"".join(self._chunks(tables, k, verify)) for k in range(level + 1)]
        )

    def prefix(self, level: int) -> FilePrefix:
        """The beginning of the file up to a level, 0 for the metadata alone."""
        columns = len(self.columns_within) if level else 0
        return self._file(self.prefix_bytes[level], 1 + columns + level)

    def _file(self, prefix_bytes: int, tables: int) -> FilePrefix:
        return FilePrefix(self.prefixes, self.name, self.file_bytes, prefix_bytes, tables)

    def _completed(
        self, choice: ColumnChoice, found: dict[str, ColumnValues], verify: bool
    ) -> dict[str, ColumnValues]:
        """The columns that were found and those beside, in the order in which they were asked for."""
        beside = choice.beside(self.prefixes, self.number, self.images, verify)
        return {name: found[name] if name in found else beside[name] for name in choice.names}

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

    def check_labels(self, found: ColumnValues) -> None:
        """Raise FormatError unless there is a label for each image, and a class for each label."""
        labels = np.asarray(found)
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
    column_indexes: tuple[ColumnIndex, ...] = ()
    """What it says of every column."""

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
        entry = self.entries[number]
        return Record(self.prefixes, number, entry, self.num_classes, self.column_indexes)


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
