"""The columns of a conversion: which they are, and a record's values of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.image_source import Source
from pcr.dataset import layout
from pcr.dataset.column_index import ColumnEntry
from pcr.dataset.columns import Column, check_schema, schema
from pcr.dataset.writer import write_column
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.imagefolder import Sample
from pcr.storage.store import Store


def columns_to_write(
    source: Source, options: ConversionOptions, base: Sequence[Column] | None
) -> tuple[Column, ...]:
    """A source's columns as a dataset is to have them, those within the records first.

    base: the columns of the dataset that is appended to, which lie where they do. Raises
    DatasetError where the source has other ones, UsageError where two of them have one name, or
    one that the options name is missing.
    """
    check_schema(source.columns)
    if base is not None and {*map(_what, base)} != {*map(_what, source.columns)}:
        raise DatasetError(
            f"{source.location}: expected the columns of the dataset that is appended to "
            f"({schema(base)}), found {schema(source.columns)}"
        )
    beside = options.columns_beside or ()
    _check_known(source, beside, "columns_beside")
    _check_known(source, options.column_types or (), "column_types")
    if base is not None:
        return tuple(base)
    placed = [replace(c, beside=c.beside or c.name in beside) for c in source.columns]
    return tuple(sorted(placed, key=lambda column: column.beside))


def _check_known(source: Source, names: Iterable[str], parameter: str) -> None:
    known = [column.name for column in source.columns]
    for name in names:
        if name not in known:
            expected = (
                f"some of {', '.join(known)}" if known else "none of a source without columns"
            )
            raise UsageError(f"expected {expected}, found {name!r}", parameter)


def _what(column: Column) -> tuple[str, str]:
    return column.name, str(column.type)


def column_values(
    source: Source, columns: Sequence[Column], samples: Sequence[Sample]
) -> dict[Column, bytes]:
    """The serialized values of some images; FormatError names the first that is not of its type."""
    place = {column.name: number for number, column in enumerate(source.columns)}
    rows = [source.values(sample) for sample in samples] if columns else []
    found = {}
    for column in columns:
        values = [row[place[column.name]] for row in rows]
        try:
            found[column] = column.type.encode(values)
        except FormatError:
            raise _first_wrong(source, column, samples, values) from None
    return found


def _first_wrong(
    source: Source, column: Column, samples: Sequence[Sample], values: Sequence[object]
) -> FormatError:
    for sample, value in zip(samples, values, strict=True):
        try:
            column.type.check(value)
        except FormatError as error:
            return FormatError(f"{source.where(sample)}: column {column.name}: {error}")
    raise AssertionError  # one of them was refused


def write_columns_beside(
    output: Store, number: int, values: Mapping[Column, bytes]
) -> list[ColumnEntry]:
    """Write the files beside a record, for those columns that lie there."""
    entries = []
    for column, data in values.items():
        if column.beside:
            file = layout.column_file(number, column.name, column.version)
            with output.placing(file) as path:
                entries.append(write_column(path, column.name, data))
    return entries
