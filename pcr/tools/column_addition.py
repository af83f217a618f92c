"""A column added to a finished dataset, in files beside its records, which stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.dataset.column_index import ColumnEntry, ColumnIndex
from pcr.dataset.column_types import ColumnType
from pcr.dataset.columns import NAME, Column, check_schema
from pcr.dataset.reader import Dataset
from pcr.dataset.record import Record
from pcr.dataset.writer import write_column, write_index
from pcr.errors import DatasetError, FormatError, PCRError
from pcr.progress import progress_bar
from pcr.storage.location import Location
from pcr.storage.lock import locked
from pcr.storage.store import Store, open_store
from pcr.tabular.inference import infer_type

_AT_ONCE = 8
Values: TypeAlias = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True)
class AddedColumn:
    """What adding a column did.

    column: its name and type. images: how many got a value. file_bytes: size of the new files.
    unused_values: how many of the values given by name belong to no image.
    """

    column: Column
    images: int
    file_bytes: int
    unused_values: int


def add_column(
    dataset: Location,
    name: str,
    values: Mapping[str, Any] | Values,
    *,
    type: ColumnType | str | None = None,
    force: bool = False,
    progress: bool = True,
) -> AddedColumn:
    """Add a column to a finished dataset, beside its records, which stay as they are.

    dataset: path, or URL (``s3://``, ``gs://``, ``az://``).
    name: of the column: up to 63 letters, digits and underscores.
    values: one for each image: by the image's name, or in the dataset's order, that of its records.
    type: such as ``"float32[?,4]"``, see docs/guides/columns.md; default: the narrowest that fits.
    force: replace a column of that name that was added before. Default False.
    progress: show a progress bar on stderr; default True.

    The files come first and the index last: killed at any moment, it leaves the dataset as it was,
    or with the column. Readers that are open meanwhile keep the columns they know. Raises
    UsageError for a name or type that can't be, DatasetError where the dataset is not finished, has
    such a column, or an image has no value, FormatError, naming the image, where a value is of
    another type, StorageError where a store fails.
    """
    store, values = open_store(dataset), _plain(values)
    column = Column.of(name, _type_of(values) if type is None else type, beside=True)
    if store.size(layout.INDEX_FILE) is None:
        Dataset(store)  # raises, before the lock makes a directory
    with locked(store):
        found = Dataset(store)
        _check_idle(store)
        column = replace(column, version=_version(found, column.name, force))
        by_record, unused = _divided(found, values)
        entries = _write_files(found, column, by_record, progress)
        _write_index(found, ColumnIndex.of(column, entries))
        if column.version:
            _remove_unused(found, name, column)
    file_bytes = sum(entry.prefix_bytes for entry in entries)
    return AddedColumn(column, len(found), file_bytes, unused)


def _plain(values: Any) -> Mapping[str, Any] | Values:
    """Tensors and tables' columns as arrays, and arrays of anything but numbers as lists."""
    if hasattr(values, "__array__"):
        values = np.asarray(values)
        return values if values.dtype.kind in "biuf" else values.tolist()
    return values


def _type_of(values: Mapping[str, Any] | Values) -> ColumnType:
    if isinstance(values, np.ndarray):
        return ColumnType(values.dtype.name, values.shape[1:])
    return ColumnType.parse(infer_type(values.values() if isinstance(values, Mapping) else values))


def _check_idle(store: Store) -> None:
    """Raise DatasetError where an append or a copy is to resume with the columns that there are."""
    for file, what in ((layout.PLAN_FILE, "append"), (layout.COPY_FILE, "copy")):
        if store.size(file) is not None:
            raise DatasetError(
                f"{store.location}: holds an unfinished {what}: finish it before a column is added"
            )


def _version(dataset: Dataset, name: str, force: bool) -> int:
    """The version of the column to be written, which no earlier one has."""
    columns = dataset.columns
    if name not in columns:
        others = [column for column in columns.values() if column.name.lower() == name.lower()]
        check_schema([*others, Column.of(name, "int64")])
        return 0
    if not columns[name].beside:
        raise DatasetError(
            f"{dataset.location}: column {name!r} lies within the records, which are never "
            "rewritten: choose another name"
        )
    if not force:
        raise DatasetError(
            f"{dataset.location}: already has a column {name!r}: use `force` to replace it, or "
            "choose another name"
        )
    return columns[name].version + 1


def _divided(dataset: Dataset, values: Mapping[str, Any] | Values) -> tuple[list[Values], int]:
    """The values of each record, and how many are none's."""
    if isinstance(values, Mapping):
        return _divided_by_name(dataset, values)
    if len(values) != len(dataset):
        raise DatasetError(
            f"{dataset.location}: expected {len(dataset)} values, one for each image, found "
            f"{len(values)}"
        )
    ends = [0, *accumulate(dataset.record_sizes)]
    return [values[start:end] for start, end in pairwise(ends)], 0


def _divided_by_name(dataset: Dataset, values: Mapping[str, Any]) -> tuple[list[Values], int]:
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pcr-read") as pool:
        names = list(pool.map(_names, dataset.records))
    known = set(chain.from_iterable(names))
    missing = sorted(known - values.keys())
    if missing:
        raise DatasetError(
            f"{dataset.location}: expected a value for each image by its name, found none for "
            f"{len(missing)} of {len(known)}, among them {missing[0]!r}"
        )
    return [[values[name] for name in some] for some in names], len(values.keys() - known)


def _names(record: Record) -> list[str]:
    names = record.columns([NAME])[NAME]
    assert isinstance(names, list)
    return names


def _write_files(
    dataset: Dataset, column: Column, by_record: Sequence[Values], progress: bool
) -> list[ColumnEntry]:
    """Write the values of all records, several at once; no file is left where one fails."""

    def write(record: Record) -> ColumnEntry:
        data = _encoded(column, record, by_record[record.number])
        name = layout.column_file(record.number, column.name, column.version)
        with dataset.store.placing(name) as path:
            return write_column(path, column.name, data)

    total = len(dataset.records)
    with (
        progress_bar(desc="Adding", total=total, unit=" records", disable=not progress) as bar,
        ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pcr-write") as pool,
    ):
        entries = []
        try:
            for entry in pool.map(write, dataset.records):
                entries.append(entry)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            with suppress(PCRError, OSError):  # the error to report is the first one
                _remove_unused(dataset, column.name, dataset.columns.get(column.name))
            raise
    return entries


def _encoded(column: Column, record: Record, values: Values) -> bytes:
    try:
        return column.type.encode(values)
    except FormatError:
        for name, value in zip(_names(record), values, strict=True):
            try:
                column.type.check(value)
            except FormatError as error:
                raise FormatError(f"image {name!r}: column {column.name}: {error}") from None
        raise


def _write_index(dataset: Dataset, added: ColumnIndex) -> None:
    records = dataset.records
    columns = {index.name: index for index in records.column_indexes} | {added.name: added}
    with dataset.store.placing(layout.INDEX_FILE) as path:
        write_index(path.parent, dataset.info, records.entries, list(columns.values()))


def _remove_unused(dataset: Dataset, name: str, used: Column | None) -> None:
    """Remove the files of a column but those that the index names."""
    versions = (used.version,) if used else ()
    numbers = range(len(dataset.records))
    keep = {layout.column_file(n, name, version) for version in versions for n in numbers}
    for file, _ in list(dataset.store.names("PCR_")):
        if layout.column_in(file) == name and file not in keep:
            dataset.store.delete(file)
