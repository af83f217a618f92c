"""Columns: a named value for each image, and the types of such values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pcr.dataset.column_types import ColumnType
from pcr.dataset.layout import MAX_VALUE_BYTES_WITHIN
from pcr.errors import UsageError

MAX_NAME_CHARACTERS = 63
_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME_CHARACTERS - 1}}}")
RESERVED_NAMES = frozenset(
    ("label", "labels", "name", "index", "image", "images", "window", "flip", "size")
)

LABEL, NAME = "label", "name"
BUILT_IN = {LABEL: ColumnType("int64"), NAME: ColumnType("str")}
"""Columns that every dataset has, in its records' metadata."""


@dataclass(frozen=True)
class Column:
    """One named value for each image.

    beside: whether the values lie in files beside the records, which are read only where the column
    is asked for; otherwise they lie within the records, in the prefix of every level.
    version: how often the column was replaced.

    Raises UsageError for a name that is not an identifier of up to 63 ASCII letters, digits and
    underscores, or that batches use for something else.
    """

    name: str
    type: ColumnType
    beside: bool = False
    version: int = 0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                "expected a column's name of up to 63 letters, digits and underscores, none of the "
                f"digits first, found {self.name!r}"
            )
        if self.name in RESERVED_NAMES:
            raise UsageError(
                f"expected another name for the column {self.name!r}, which has a meaning of its own"
            )

    @classmethod
    def of(cls, name: str, type: ColumnType | str, *, beside: bool | None = None) -> Column:
        """A column of a type, such as ``"float32[?,4]"``.

        beside: whether its values lie in files of their own; default: those of type ``bytes``, and
            arrays of a fixed shape with more than 4096 bytes.
        """
        parsed = ColumnType.parse(type) if isinstance(type, str) else type
        return cls(name, parsed, _is_large(parsed) if beside is None else beside)

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


def check_columns(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise UsageError of ``columns`` unless each name is one of ``known``, or label or name."""
    if isinstance(names, str):
        raise UsageError(f"expected a sequence of names, found {names!r}", "columns")
    known = (*known, *BUILT_IN)
    for name in names:
        if name not in known:
            raise UsageError(f"expected some of {', '.join(known)}, found {name!r}", "columns")


def check_schema(columns: Sequence[Column]) -> None:
    """Raise UsageError where two columns have one name, to SQLite and file systems that ignore case."""
    names = [column.name.lower() for column in columns]
    for column, name in zip(columns, names, strict=True):
        if names.count(name) > 1:
            raise UsageError(f"expected different names of columns, found {column.name!r} twice")


def _is_large(type: ColumnType) -> bool:
    size = type.value_bytes
    return type.kind == "bytes" or (size is not None and size > MAX_VALUE_BYTES_WITHIN)


def schema(columns: Sequence[Column]) -> str:
    """The names and types, fit for messages."""
    return ", ".join(map(str, columns)) or "none"
