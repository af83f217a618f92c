"""Read a table: CSV and JSON lines by the standard library, Parquet by pyarrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pcr.errors import FormatError, UsageError
from pcr.storage.location import Location, join
from pcr.storage.store import Store, open_parent
from pcr.tabular.parquet import parquet_table
from pcr.tabular.table import Table

SUFFIXES = (".csv", ".jsonl", ".parquet")
PATH_COLUMNS = ("file_name", "filename", "path", "image_path", "image", "file")
"""What the column with the files of images may be called; Hugging Face's name first."""


def is_table(name: str) -> bool:
    """Whether a file of that name is read as a table."""
    return name.lower().endswith(SUFFIXES)


def read_table(location: Location) -> Table:
    """The table at a path or URL: ``.csv`` with a line of names, ``.jsonl`` or ``.parquet``.

    Raises UsageError for another name, FormatError where it is damaged, StorageError where it is
    missing.
    """
    return stored_table(*open_parent(location))


def stored_table(store: Store, name: str) -> Table:
    """The table in one file of a store; raises as `read_table`."""
    where = join(store.location, name)
    if not is_table(name):
        raise UsageError(f"{where}: expected a file {', '.join(SUFFIXES)}")
    data = store.read(name)
    if name.lower().endswith(".csv"):
        return Table(where, _csv_columns(data, where), texts=True)
    if name.lower().endswith(".jsonl"):
        return Table(where, _json_columns(data, where))
    return parquet_table(data, where)


def _csv_columns(data: bytes, where: str) -> dict[str, list[Any]]:
    # Names of files may be any bytes.
    text = io.StringIO(data.decode("utf-8-sig", errors="surrogateescape"), newline="")
    reader = csv.reader(text, strict=True)
    try:
        names = next(reader, [])
        if not names or len(set(names)) < len(names):
            raise FormatError(f"{where}: expected a first line of different names, found {names}")
        rows = list(_csv_rows(reader, len(names), where))
    except csv.Error as error:
        raise FormatError(f"{where}: line {reader.line_num}: {error}") from None
    return _columns(names, rows)


def _csv_rows(reader: Any, fields: int, where: str) -> Iterator[list[str]]:
    for row in reader:
        if row and len(row) != fields:
            raise FormatError(
                f"{where}: line {reader.line_num}: expected {fields} fields, found {len(row)}"
            )
        if row:
            yield row


def _json_columns(data: bytes, where: str) -> dict[str, list[Any]]:
    rows = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{where}: line {number}: expected JSON, found: {error}") from None
        if not isinstance(row, dict):
            raise FormatError(f"{where}: line {number}: expected an object, found {line[:40]!r}")
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _columns(names, ([row.get(name) for name in names] for row in rows))


def _columns(names: list[str], rows: Iterable[list[Any]]) -> dict[str, list[Any]]:
    columns: list[list[Any]] = [[] for _ in names]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return dict(zip(names, columns, strict=True))
