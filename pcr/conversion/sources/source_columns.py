"""The columns that a source's own fields become: their names, and the types that are asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pcr.dataset.column_types import ColumnType
from pcr.dataset.columns import MAX_NAME_CHARACTERS, RESERVED_NAMES
from pcr.errors import UsageError


def column_name(field: str) -> str:
    """The name of the column of a field: with ``_`` for what names can't have, and after a name that
    has a meaning of its own (``index``, ``size``)."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", field)
    if not name or name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if name in RESERVED_NAMES else name[:MAX_NAME_CHARACTERS]


def declared_types(texts: Mapping[str, str] | None) -> dict[str, ColumnType]:
    """The types that ``column_types`` says, by column; UsageError where one is no type."""
    try:
        return {name: ColumnType.parse(text) for name, text in (texts or {}).items()}
    except UsageError as error:
        raise UsageError(error.reason, "column_types") from None
