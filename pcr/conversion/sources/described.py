"""Described: images of a folder, and columns that a table beside them holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xxhash

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.image_source import Source
from pcr.conversion.sources.labels import numbers_and_names, with_labels
from pcr.conversion.sources.source_columns import column_name, declared_types
from pcr.conversion.sources.stored_bytes import StoredValue
from pcr.dataset.column_types import ColumnType
from pcr.dataset.columns import Column
from pcr.errors import DatasetError
from pcr.imagefolder import Sample
from pcr.tabular.inference import infer_type
from pcr.tabular.table import Table

# WebDataset's name is for numbers; where both are there, the label is their name.
_LABEL, _CLASS_NUMBER = "label", "cls"


@dataclass(frozen=True)
class Described:
    """The images of another source, with columns.

    location: of the table, fit for messages. rows: the values of each image, by its name; a
    StoredValue is read when it is asked for.
    """

    images: Source
    location: str
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[Any, ...]]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the label."""
        return self.images.classes

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The images."""
        return self.images.samples

    @property
    def concurrent_reads(self) -> int:
        """As many as for the images alone."""
        return self.images.concurrent_reads

    def where(self, sample: Sample) -> str:
        """The path or URL of one image."""
        return self.images.where(sample)

    def size_and_version(self, sample: Sample) -> tuple[int, str]:
        """The bytes of one image, and what tells versions of it, its class and its row apart."""
        size, version = self.images.size_and_version(sample)
        digest = xxhash.xxh3_64(self.classes[sample.label].encode(errors="surrogateescape"))
        for column, value in zip(self.columns, self.rows[sample.name], strict=True):
            stored = isinstance(value, StoredValue)
            digest.update(value.place.version.encode() if stored else column.type.encode([value]))
        return size, f"{version} {digest.hexdigest()}"

    def read(self, sample: Sample, most_bytes: int) -> bytes:
        """The bytes of one image; raises what the images' source raises."""
        return self.images.read(sample, most_bytes)

    def values(self, sample: Sample) -> tuple[Any, ...]:
        """The values of one image, a value per column."""
        values = self.rows[sample.name]
        return tuple(value.load() if isinstance(value, StoredValue) else value for value in values)

    def rewritable(self, sample: Sample) -> Path | None:
        """The file of one image, if it has one."""
        return self.images.rewritable(sample)

    def relabelled(self, classes: Sequence[str], samples: Sequence[Sample]) -> Described:
        """Some of the images, with other labels."""
        return replace(self, images=self.images.relabelled(classes, samples))

    def sendable(self, samples: Sequence[Sample]) -> Described:
        """The same, knowing no other images' rows."""
        rows = {sample.name: self.rows[sample.name] for sample in samples}
        return replace(self, images=self.images.sendable(samples), rows=rows)


def describe(
    table: Table,
    names: Sequence[str],
    images: Callable[[tuple[str, ...], tuple[Sample, ...]], Source],
    options: ConversionOptions,
    taken: Iterable[str] = (),
) -> Described:
    """The images of a table's rows, with a column of each of its fields that is not ``taken``.

    names: of the images, in the order of the rows. images: their source, given classes and labels.
    Raises UsageError or DatasetError where names or labels are wrong, FormatError where a value is.
    """
    labels, class_names, label_fields = table_labels(table, options)
    classes, samples = with_labels(names, labels, class_names, table.location)
    declared = declared_types(options.column_types)
    taken = {*taken, *label_fields}
    fields = [field for field in table.values if field not in taken]
    typed = [_typed(table, field, declared.get(column_name(field))) for field in fields]
    columns = tuple(
        Column.of(column_name(field), type) for field, (type, _) in zip(fields, typed, strict=True)
    )
    rows = zip(*(values for _, values in typed), strict=True) if typed else [()] * len(names)
    by_name = dict(zip(names, rows, strict=True))
    return Described(images(classes, samples), table.location, columns, by_name)


def table_labels(
    table: Table, options: ConversionOptions
) -> tuple[Sequence[Any] | None, tuple[str, ...] | None, tuple[str, ...]]:
    """Names or numbers of classes, the names of the numbers, and the fields that they come from."""
    field = options.label_column or table.first_of((_LABEL, _CLASS_NUMBER))
    if field is None:
        return None, None, ()
    _, labels = table.column(field)
    if field == _LABEL and _CLASS_NUMBER in table.values:
        numbers = table.of(_CLASS_NUMBER)
        names = numbers_and_names(numbers, labels)
        if names is not None:
            return numbers, names, (_LABEL, _CLASS_NUMBER)
    return labels, table.class_names.get(field), (field,)


def _typed(table: Table, field: str, declared: ColumnType | None) -> tuple[ColumnType, list[Any]]:
    """A field's type and values; those that are read later are of the type that they say."""
    values = table.of(field)
    if not any(isinstance(value, StoredValue) for value in values):
        return table.column(field, declared)
    for row, value in enumerate(values, start=1):
        if not isinstance(value, StoredValue):
            raise DatasetError(
                f"{table.location}: image {row}: expected {field!r} to be bytes or an array, as it is "
                f"of other images, found {value!r}"
            )
    return declared or ColumnType.parse(infer_type(value.example for value in values)), values
