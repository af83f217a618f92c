"""Rows of Parquet and Arrow files, read a group at a time: what lies together is decoded once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcr.dataset.layout import MAX_GROUP_BYTES
from pcr.errors import FormatError
from pcr.regular_file import read_regular
from pcr.tabular.parquet import load_pyarrow

_GROUPS_KEPT = 8  # a group is up to 100 MB where Hugging Face's library wrote it


@dataclass(frozen=True)
class ArrowFile:
    """A Parquet file, or a stream of Arrow as Hugging Face's ``save_to_disk`` writes it.

    version: tells it from other files of its name.
    """

    path: Path
    version: str

    @classmethod
    def of(cls, path: Path) -> ArrowFile:
        """The file at a path; OSError where there is none."""
        path = path.absolute()
        return cls(path, str(path.stat().st_mtime_ns))

    @property
    def is_parquet(self) -> bool:
        """Which of the two it is."""
        return self.path.suffix == ".parquet"

    def schema(self) -> Any:
        """The names and types of the columns; FormatError where the file is damaged."""
        return self._read(lambda file: file.schema_arrow if self.is_parquet else file.schema)

    def group_sizes(self, field: str) -> list[tuple[int, int]]:
        """Of each group: how many rows it has, and the bytes of a row's value on average."""
        if self.is_parquet:
            return self._read(lambda file: _parquet_group_sizes(file.metadata, field))
        batches = self._batches()
        return [(len(batch), batch.column(field).nbytes // max(len(batch), 1)) for batch in batches]

    def table(self, fields: list[str]) -> Any:
        """Some columns, of all rows; of a Parquet file, ``image.path`` is a part of one."""
        if self.is_parquet:
            return self._read(lambda file: file.read(columns=fields, use_threads=False))
        names = [field.partition(".")[0] for field in fields]
        return load_pyarrow().Table.from_batches(self._batches(), self.schema()).select(names)

    def column(self, group: int, field: str) -> Any:
        """One group's values of a column."""
        if not self.is_parquet:
            return self._batches()[group].column(field)
        return _kept((self, group, field), lambda: self._read_column(group, field))

    def _read_column(self, group: int, field: str) -> Any:
        read = {"columns": [field], "use_threads": False}
        return self._read(lambda file: file.read_row_group(group, **read).column(field))

    def _batches(self) -> list[Any]:
        """All of a stream, which stays on disk until it is looked at."""
        return _kept(self, lambda: self._read(lambda file: file.read_all().to_batches()))

    def _read(self, read: Callable[[Any], Any]) -> Any:
        """What ``read`` makes of the open file; FormatError where it is damaged."""
        pyarrow = load_pyarrow()
        try:
            mapped = pyarrow.memory_map(str(self.path))
            opened = pyarrow.parquet.ParquetFile if self.is_parquet else pyarrow.ipc.open_stream
            return read(opened(mapped))
        except (pyarrow.ArrowException, OSError) as error:
            kind = "a Parquet file" if self.is_parquet else "a stream of Arrow"
            raise FormatError(f"{self.path}: expected {kind}, found: {error}") from None


@dataclass(frozen=True, slots=True)
class ArrowBytes:
    """One row's bytes: themselves, or, as Hugging Face has images, with the path of their file."""

    file: ArrowFile
    field: str
    group: int
    row: int
    size: int

    @property
    def location(self) -> str:
        """The file."""
        return str(self.file.path)

    @property
    def version(self) -> str:
        """What tells them from other bytes."""
        return f"{self.file.version} {self.group} {self.row}"

    def read(self) -> bytes:
        """The bytes; OSError where they are in a file that is missing, FormatError where they are not."""
        value = self.file.column(self.group, self.field)[self.row].as_py()
        if not isinstance(value, dict):
            found = value
        elif value.get("bytes") is None and value.get("path"):
            found = read_regular(Path(value["path"]), MAX_GROUP_BYTES)
        else:
            found = value.get("bytes")
        if found is None:
            raise FormatError(f"{self.location}: expected bytes, found none")
        return found


_lock = threading.Lock()
_results: OrderedDict[Hashable, Future[Any]] = OrderedDict()


def _kept(key: Hashable, load: Callable[[], Any]) -> Any:
    """What ``load`` returns, once for all threads that ask for it at about the same time."""
    with _lock:
        result = _results.get(key)
        is_new = result is None
        result = result or Future()
        _results[key] = result
        _results.move_to_end(key)
        while len(_results) > _GROUPS_KEPT:
            _results.popitem(last=False)
    if is_new:
        try:
            result.set_result(load())
        except BaseException as error:
            result.set_exception(error)
    return result.result()


def _parquet_group_sizes(metadata: Any, field: str) -> list[tuple[int, int]]:
    sizes = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(column) for column in range(group.num_columns))
        parts = [column for column in columns if column.path_in_schema.split(".")[0] == field]
        size = sum(column.total_uncompressed_size for column in parts)
        sizes.append((group.num_rows, size // max(group.num_rows, 1)))
    return sizes
