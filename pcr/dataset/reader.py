"""Dataset: a finished dataset, its index in memory, its records read on demand."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.dataset.column_types import ColumnType, ColumnValues
from pcr.dataset.columns import BUILT_IN, LABEL, NAME, Column, check_columns
from pcr.dataset.condition import Condition
from pcr.dataset.image import Image, ImageReader
from pcr.dataset.index import Index, decode_index, read_index
from pcr.dataset.record import Record, Records, check_level
from pcr.dataset.release import refuse_release
from pcr.dataset.splitting import split
from pcr.errors import DatasetError, ObjectNotFoundError, UsageError
from pcr.lazy import lazy
from pcr.storage.cache import CachedPrefixes, open_cache
from pcr.storage.local import LocalStore
from pcr.storage.location import Location, is_remote, join
from pcr.storage.remote import RemoteStore
from pcr.storage.retries import fetch_whole
from pcr.storage.store import Store, open_store

_CONCURRENT_READS = 8  # of records on a server


class Dataset:
    """A finished dataset: its index in memory, its records read on demand.

    location: its path or URL. store: the store there, with the counters of what was asked of it.
    info: what the index says of it as a whole. records: its records, in order.

    Safe to use from threads, in forked processes, and to pickle.
    """

    def __init__(
        self,
        root: Location | Store,
        *,
        cache: str | os.PathLike[str] | None = None,
        cache_limit: int | str | None = None,
    ) -> None:
        """Open the dataset at ``root``: its directory, its URL, or a store.

        cache: a directory that keeps what is fetched from a URL, for all processes and later runs;
            None: nothing is written to disk. A local dataset is not cached.
        cache_limit: how much the cache may hold, in bytes or as "10GB"; ``cache`` needs it.

        Raises DatasetError where there is none or it is not finished, FormatError where its index
        is damaged, StorageError where it can't be fetched, UsageError for a URL that makes no
        sense.
        """
        self.store: Store = open_store(root) if isinstance(root, str | os.PathLike) else root
        self.location = self.store.location
        self.info, entries, columns = _open(self.store)
        prefixes = self._cached(cache, cache_limit)
        self.records = Records(prefixes, entries, len(self.classes), columns)

    def _cached(
        self, cache: str | os.PathLike[str] | None, limit: int | str | None
    ) -> Store | CachedPrefixes:
        """Where records are read from. The version is a checksum of all that images depend on."""
        if cache is None:
            if limit is not None:
                raise UsageError("expected `cache` beside it, found none", "cache_limit")
            return self.store
        directory = open_cache(cache, limit)
        if not isinstance(self.store, RemoteStore):
            return self.store
        return CachedPrefixes(self.store, directory, f"{self.info.index_checksum:016x}")

    @property
    def is_local(self) -> bool:
        """Whether the dataset is in a local directory."""
        return isinstance(self.store, LocalStore)

    @property
    def root(self) -> Path:
        """The directory of a local dataset; DatasetError where it is remote."""
        if isinstance(self.store, LocalStore):
            return self.store.root
        raise DatasetError(f"{self.location}: expected a dataset in a local directory")

    @property
    def record_sizes(self) -> tuple[int, ...]:
        """How many images each record has."""
        return tuple(entry.images for entry in self.records.entries)

    @property
    def file_bytes(self) -> int:
        """The size of all records, and of the columns beside them."""
        records = self.records
        beside = [index for index in records.column_indexes if index.column.beside]
        sizes = (sum(index.prefix_bytes) for index in beside)
        return sum(entry.file_bytes for entry in records.entries) + sum(sizes)

    @property
    def levels(self) -> int:
        """How many levels every record has."""
        return self.info.levels

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the label."""
        return self.info.classes

    @property
    def columns(self) -> dict[str, Column]:
        """The columns besides ``label`` and ``name``, by name."""
        return {index.name: index.column for index in self.records.column_indexes}

    @lazy
    def labels(self) -> NDArray[np.int64]:
        """The labels of all images: int64 of shape (images,), read at first use."""
        labels: NDArray[np.int64] = self.column(LABEL)  # type: ignore[assignment]
        return labels

    @lazy
    def names(self) -> list[str]:
        """The names of all images, read at first use."""
        return list(self.column(NAME))

    def column(self, name: str) -> ColumnValues:
        """The values of a column for all images, without reading the images.

        An array of shape (images, …) where all values have one size, otherwise a list. It takes one
        read for each record. Raises FormatError where one is damaged, UsageError where there is no
        such column.
        """
        check_columns([name], self.columns)
        return self._of_records(partial(_column_of, name))

    def _of_records(self, read: Callable[[Record], ColumnValues]) -> ColumnValues:
        """What is read of each record, together."""
        with ThreadPoolExecutor(1 if self.is_local else _CONCURRENT_READS) as pool:
            parts = list(pool.map(read, self.records))
        if all(isinstance(part, np.ndarray) for part in parts) and parts:
            return np.concatenate(parts)
        return [value for part in parts for value in part]

    def where(self, condition: str) -> NDArray[np.int64]:
        """Positions of the images that meet a condition: ``label == "cat" and width >= 256``.

        It is about columns of numbers and texts, ``label``, ``name``, ``width`` and ``height``; see
        docs/guides/subsets.md. Raises UsageError of ``condition`` where it makes no sense.
        """
        parsed = Condition.parse(condition, self.columns)
        return np.flatnonzero(self._of_records(partial(parsed.met_in, classes=self.classes)))

    def split(
        self, fractions: Sequence[float], *, stratify: bool = False, seed: int = 0
    ) -> tuple[NDArray[np.int64], ...]:
        """Positions of the images of each part, ascending: int64 arrays, as many as ``fractions``.

        fractions: the size of each part, which it has to within an image; their sum is 1. stratify:
        divide each class alike: the first part has its share to within an image, each further one
        its share of the rest to within two.

        The parts depend on the names of the images and on ``seed`` alone, and on labels where they
        are stratified. Raises UsageError where an argument is out of range.
        """
        labels = self.labels if stratify else np.zeros(len(self), dtype=np.int64)
        return split(self.names, labels, fractions, seed)

    def column_types(self, names: Sequence[str]) -> dict[str, ColumnType]:
        """The types of some columns, ``label`` and ``name`` among them.

        Raises UsageError of ``columns`` where there is no such column.
        """
        columns = self.columns
        check_columns(names, columns)
        return {n: columns[n].type if n in columns else BUILT_IN[n] for n in names}

    def __len__(self) -> int:
        """How many images the dataset has."""
        return self.info.images

    def __getitem__(self, key: int | str) -> Image:
        """One image, by its position or its name; only its own bytes are read, when asked for.

        The first name that is asked for takes the metadata of all records. Raises IndexError or
        KeyError where there is no such image.
        """
        if isinstance(key, str):
            if key not in self._numbers:
                raise KeyError(f"{self.location}: expected the name of an image, found {key!r}")
            key = self._numbers[key]
        number = operator.index(key)
        if not -len(self) <= number < len(self):
            raise IndexError(f"{self.location}: expected one of {len(self)} images, found {number}")
        return self._images.image(number % len(self))

    def __iter__(self) -> Iterator[Image]:
        return (self[number] for number in range(len(self)))

    @lazy
    def _images(self) -> ImageReader:
        return ImageReader(self.records)

    @lazy
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in reversed([*enumerate(self.names)])}

    def __getstate__(self) -> dict[str, Any]:
        """Without what was read at first use, which every process reads again when it needs it."""
        lazily = ("labels", "names", "_images", "_numbers")
        return {name: value for name, value in self.__dict__.items() if name not in lazily}

    def __repr__(self) -> str:
        return (
            f"<Dataset {self.location!r}: {len(self)} images of {len(self.classes)} classes in "
            f"{len(self.records)} records, {self.levels} levels, ladder {self.info.ladder_name!r}>"
        )

    def check_level(self, n_scans: int | None) -> int:
        """``n_scans``, or all levels for None; UsageError where the dataset has no such level."""
        return check_level(n_scans, self.levels, "n_scans")


def _column_of(name: str, record: Record) -> ColumnValues:
    return record.columns([name])[name]


def open_dataset(
    root: Location | Store | Dataset,
    cache: str | os.PathLike[str] | None = None,
    cache_limit: int | str | None = None,
) -> Dataset:
    """The dataset at a place; one that is open already is taken as it is.

    Raises as `Dataset`, and UsageError where an open one is given a cache.
    """
    if not isinstance(root, Dataset):
        return Dataset(root, cache=cache, cache_limit=cache_limit)
    if cache is not None or cache_limit is not None:
        raise UsageError(
            "expected none beside a Dataset that is open: it has the one it was opened with",
            "cache",
        )
    return root


def holds_dataset(location: Location) -> bool:
    """Whether to open a location as a dataset: a URL, or a directory with its index or its plan."""
    names = (layout.INDEX_FILE, layout.PLAN_FILE)
    store = open_store(location)
    return is_remote(location) or any(store.size(name) is not None for name in names)


def _open(store: Store) -> Index:
    if isinstance(store, LocalStore):
        _check_finished(store)
        return read_index(store.root / layout.INDEX_FILE)
    return fetch_whole(lambda: _fetch_index(store), store.counters)


def _fetch_index(store: Store) -> Index:
    try:
        index = store.read(layout.INDEX_FILE)
    except ObjectNotFoundError:
        raise _not_finished(store) from None
    return decode_index(index, join(store.location, layout.INDEX_FILE))


def _check_finished(store: LocalStore) -> None:
    root = store.root
    if not root.is_dir():
        raise DatasetError(f"{root}: expected the directory of a PCR dataset, found none")
    refuse_release(root, "convert the source images again, with pcr convert")
    if not (root / layout.INDEX_FILE).is_file():
        raise _not_finished(store)


def _not_finished(store: Store) -> DatasetError:
    found = f"{store.location}: expected a finished PCR dataset, found"
    if store.size(layout.PLAN_FILE) is not None:
        what, flags = "conversion", "`force` or `restart`"
    elif store.size(layout.COPY_FILE) is not None:
        what, flags = "copy", "`force`"
    elif store.can_list and any(layout.shard_of_plan(name) for name, _ in store.names("PCR")):
        return DatasetError(f"{found} shards that are not merged: run pcr merge {store.location}")
    else:
        return DatasetError(
            f"{store.location}: expected a PCR dataset, found no {layout.INDEX_FILE}"
        )
    return DatasetError(
        f"{found} a {what} that was interrupted: run the same {what} again, without {flags}, and "
        "it resumes where it stopped"
    )
