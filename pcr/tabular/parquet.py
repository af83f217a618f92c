"""Columns of Arrow, as Parquet files and Hugging Face's datasets hold them."""

from __future__ import annotations

import json
from typing import Any

from pcr.errors import FormatError, UsageError
from pcr.extras import how_to_install
from pcr.tabular.inference import infer_type
from pcr.tabular.table import Table

_PANDAS_INDEX = "__index_level_"


def load_pyarrow() -> Any:
    """The package pyarrow with its modules for Parquet and Arrow files; UsageError where it is missing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            f"Parquet needs the package pyarrow: {how_to_install('pyarrow')}"
        ) from None
    return pyarrow


def parquet_table(data: bytes, where: str) -> Table:
    """The table in the bytes of a Parquet file; FormatError where they are damaged."""
    pyarrow = load_pyarrow()
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
        return arrow_table(table, where)
    except (pyarrow.ArrowException, OSError) as error:
        raise FormatError(f"{where}: expected a Parquet file, found: {error}") from None


def arrow_table(table: Any, where: str) -> Table:
    """A table of pyarrow as one of ours."""
    names = [name for name in table.column_names if not name.startswith(_PANDAS_INDEX)]
    values = {name: to_values(table.column(name)) for name in names}
    types = {
        name: found
        for name in names
        if (found := arrow_type(table.schema.field(name).type, values[name])) is not None
    }
    return Table(where, values, types=types, class_names=class_names(table.schema))


def to_values(column: Any) -> list[Any]:
    """A column's values as Python's own; what is neither number, text, bytes nor nested as text."""
    pyarrow = load_pyarrow()
    types = pyarrow.types
    if types.is_temporal(column.type) or types.is_decimal(column.type):
        column = column.cast(pyarrow.string())
    values: list[Any] = column.to_pylist()
    return values


def arrow_type(type: Any, values: list[Any]) -> str | None:
    """The type that a column of Arrow says, as `ColumnType` writes it; None where only values can."""
    numbers, dimensions = type, 0
    types = load_pyarrow().types
    while (
        types.is_list(numbers) or types.is_large_list(numbers) or types.is_fixed_size_list(numbers)
    ):
        numbers, dimensions = numbers.value_type, dimensions + 1
    is_number = types.is_integer(numbers) or types.is_floating(numbers) or types.is_boolean(numbers)
    if not is_number:
        return None
    found = infer_type(values)
    shape = found[found.index("[") :] if "[" in found else ""
    if found == "json" or bool(shape) != bool(dimensions):
        return None  # there are nulls, or lists of unequal lists
    kind = {"halffloat": "float16", "float": "float32", "double": "float64"}
    return kind.get(str(numbers), str(numbers)) + shape


def class_names(schema: Any) -> dict[str, tuple[str, ...]]:
    """The names of classes that Hugging Face's ClassLabel features have, by column."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        found = {name: feature.get("names") for name, feature in features.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}  # not of Hugging Face
    return {
        name: tuple(map(str, names)) for name, names in found.items() if isinstance(names, list)
    }
