"""Values for a new column in a file: a table with the images' names, or a NumPy array."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnType
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.regular_file import regular_bytes
from pcr.storage.location import Location, local_path
from pcr.tabular.table_files import PATH_COLUMNS, SUFFIXES, is_table, read_table

ARRAY_SUFFIX = ".npy"
NAME_COLUMNS = ("name", *PATH_COLUMNS)


def read_values(
    file: Location, column: str, type: ColumnType | None = None, key: str | None = None
) -> tuple[ColumnType | None, dict[str, Any] | NDArray[Any]]:
    """The type of the values, None where they are to be looked at, and the values.

    file: ``.csv``, ``.jsonl`` or ``.parquet`` with a row for each image, its name and its value of
        ``column``: values by name. Or ``.npy``: an array with one value for each image, in the
        dataset's order, of which only what is used is in memory.
    type: the wanted type; default: what the table says, or the narrowest that fits.
    key: the table's column of names; default: the first there is of ``NAME_COLUMNS``.

    Raises UsageError for another kind of file, DatasetError where the table lacks a column, or has
    a name twice, FormatError where the file is damaged or a value is of another type.
    """
    if os.fspath(file).lower().endswith(ARRAY_SUFFIX):
        return type, _read_array(file)
    if not is_table(os.fspath(file)):
        kinds = ", ".join((*SUFFIXES, ARRAY_SUFFIX))
        raise UsageError(f"expected a file {kinds}, found {os.fspath(file)}", "file")
    table = read_table(file)
    key = key or table.first_of(NAME_COLUMNS)
    if key is None:
        raise DatasetError(
            f"{table.location}: expected a column with the images' names, such as "
            f"{NAME_COLUMNS[0]!r}, found {', '.join(table.values) or 'none'}: say which with `key`"
        )
    names = table.of(key)
    _check_names(names, table.location)
    name, times = next(iter(Counter(names).most_common(1)), ("", 1))
    if times > 1:
        raise DatasetError(
            f"{table.location}: expected each image once, found {name!r} {times} times"
        )
    found, values = table.column(column, type)
    return found, dict(zip(names, values, strict=True))


def _check_names(names: Sequence[object], location: str) -> None:
    for row, name in enumerate(names, start=1):
        if not isinstance(name, str):
            raise FormatError(f"{location}: row {row}: expected an image's name, found {name!r}")


def _read_array(file: Location) -> NDArray[Any]:
    path = local_path(file)
    try:
        regular_bytes(path)
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (
        ValueError,
        EOFError,
        SyntaxError,
        TokenError,
    ) as error:  # NumPy parses its head as Python
        raise FormatError(f"{path}: expected an array of numbers, found: {error}") from None
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{path}: expected one array, found an archive of arrays (.npz)")
    if array.ndim == 0:
        raise FormatError(f"{path}: expected an array of one value for each image, found a number")
    return array
