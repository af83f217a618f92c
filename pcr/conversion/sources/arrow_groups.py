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

_KEPT_BYTES = 512 * 2**20


class _Kept:
    """What was read lately, up to so many bytes; safe to use from threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}

    def get(self, key: Hashable, load: Callable[[], Any]) -> Any:
        """What ``load`` returns, once for all threads that ask for it at about the same time."""
        with self._lock:
            result = self._results.get(key)
            is_new = result is None
            result = self._results.setdefault(key, Future())
            self._results.move_to_end(key)
        if is_new:
            try:
                result.set_result(load())
            except BaseException as error:
                result.set_exception(error)
            self._make_room(key, result)
        return result.result()

    def _make_room(self, key: Hashable, result: Future[Any]) -> None:
        """Forget a failure, or what was not asked for in the longest time."""
        with self._lock:
            if result.exception() is not None:
                del self._results[key]
                return
            self._sizes[key] = getattr(result.result(), "nbytes", 0)
            for oldest in list(self._results):
                if sum(self._sizes.values()) <= self._most_bytes:
                    break
                if oldest in self._sizes:  # else it is being read
                    del self._results[oldest], self._sizes[oldest]


_kept = _Kept(_KEPT_BYTES)


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
        return _kept.get((self, group, field), lambda: self._read_column(group, field))

    def _read_column(self, group: int, field: str) -> Any:
        read = {"columns": [field], "use_threads": False}
        return self._read(lambda file: file.read_row_group(group, **read).column(field))

    def _batches(self) -> list[Any]:
        """All of a stream, which stays on disk until it is looked at."""
        return _kept.get(self, lambda: self._read(lambda file: file.read_all().to_batches()))

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


def _parquet_group_sizes(metadata: Any, field: str) -> list[tuple[int, int]]:
    sizes = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(column) for column in range(group.num_columns))
        parts = [column for column in columns if column.path_in_schema.split(".")[0] == field]
        size = sum(column.total_uncompressed_size for column in parts)
        sizes.append((group.num_rows, size // max(group.num_rows, 1)))
    return sizes
