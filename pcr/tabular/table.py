"""Table: named values, one row per image, and what type each column is to have."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pcr.dataset.column_types import ColumnType
from pcr.errors import DatasetError, FormatError
from pcr.tabular.inference import guess_texts, infer_type


@dataclass(frozen=True)
class Table:
    """What a file of rows holds.

    location: its path or URL, fit for messages. values: of each column, in the order of the rows.
    texts: whether the values are texts still, as in a CSV file. types: of those columns whose type
    the file says. class_names: of columns of labels whose names the file has.
    """

    location: str
    values: Mapping[str, list[Any]]
    texts: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.values.values()), ()))

    def first_of(self, names: tuple[str, ...]) -> str | None:
        """The first of these names that a column has."""
        return next((name for name in names if name in self.values), None)

    def of(self, name: str) -> list[Any]:
        """A column's values as the file has them. DatasetError where there is no such column."""
        if name not in self.values:
            found = ", ".join(self.values) or "none"
            raise DatasetError(f"{self.location}: expected a column {name!r}, found {found}")
        return self.values[name]

    def column(self, name: str, type: ColumnType | None = None) -> tuple[ColumnType, list[Any]]:
        """A column's type, found if none is given, and its values, each of which is of that type.

        Raises DatasetError where there is no such column, FormatError, naming the row, where a value
        is of another type.
        """
        values = self.of(name)
        if type is None:
            values = guess_texts(values) if self.texts else values
            type = ColumnType.parse(self.types.get(name) or infer_type(values))
        else:
            values = self._converted(name, type)
        self._check(name, type, values)
        return type, values

    def _converted(self, name: str, type: ColumnType) -> list[Any]:
        """Values as a type that was asked for: texts, and bytes that a text file can't have."""
        convert = _from_text(type) if self.texts else _from_json(type)
        if convert is None:
            return self.values[name]
        converted = []
        for row, value in enumerate(self.values[name], start=1):
            try:
                converted.append(convert(value))
            except (ValueError, KeyError, RecursionError):
                raise self._refusal(name, row, f"expected {type}, found {value!r}") from None
        return converted

    def _check(self, name: str, type: ColumnType, values: list[Any]) -> None:
        for row, value in enumerate(values, start=1):
            try:
                type.check(value)
            except FormatError as error:
                raise self._refusal(name, row, str(error)) from None

    def _refusal(self, name: str, row: int, what: str) -> FormatError:
        return FormatError(f"{self.location}: row {row}, column {name!r}: {what}")


_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def _from_text(type: ColumnType) -> Callable[[str], Any] | None:
    """How a text becomes a value; None where it is one."""
    if type.kind == "str":
        return None
    if type.kind == "bytes":
        return _decode_base64
    if type.shape or type.kind == "json":
        return json.loads
    if type.kind == "bool":
        return lambda text: _TRUTHS[text.lower()]
    return float if type.kind.startswith("float") else int


def _from_json(type: ColumnType) -> Callable[[Any], Any] | None:
    """How a value of JSON becomes one of a type that JSON lacks; None for any other."""
    if type.kind != "bytes":
        return None
    return lambda value: _decode_base64(value) if isinstance(value, str) else value


def _decode_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
