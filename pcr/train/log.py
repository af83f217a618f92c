"""The metrics of a run, value by value: in a CSV and for TensorBoard."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from pcr.atomic import atomic_path
from pcr.errors import FormatError, printable
from pcr.regular_file import read_regular
from pcr.train.meter import Scores
from pcr.train.reading import Reading
from pcr.train.unbuffered_file import UnbufferedFile

COLUMNS = ("iteration", "epoch", "type", "value")
METRICS_FILES = "train_data_*.csv"  # * is the process
EPOCH_VALUES = {  # types that `EpochSummary.values` gives
    "test_top_1",
    "test_top_5",
    "avg_train_loss",
    "avg_test_loss",
    "avg_train_time",
    "images_per_second",
    "wait_share",
    "bytes_read",
    "requests",
    "retries",
    "read_wait_seconds",
    "n_scans",
}


class Sink(Protocol):
    """Where metrics are written."""

    def write(self, iteration: int, epoch: int, **values: float) -> None:
        """Add values of an iteration; the keyword is a value's type."""

    def flush(self) -> None:
        """Have everything on disk."""

    def close(self) -> None:
        """Write what is left."""


@dataclass(frozen=True)
class EpochSummary:
    """What an epoch came to; `tested` is None where it ended without a validation."""

    epoch: int
    n_scans: float | None  # the mean over records
    train_loss: float
    tested: Scores | None
    reading: Reading

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EpochSummary:
        """From the plain values that `dataclasses.asdict` made of it."""
        tested = None if values["tested"] is None else Scores(**values["tested"])
        return cls(**{**values, "tested": tested, "reading": Reading(**values["reading"])})

    def values(self, iterations: int) -> dict[str, float | None]:
        """By the names that they have in the CSV; the epoch has that many iterations."""
        tested, reading = self.tested, self.reading
        return {
            "test_top_1": tested.top_1 if tested else None,
            "test_top_5": tested.top_5 if tested else None,
            "avg_train_loss": self.train_loss,
            "avg_test_loss": tested.loss if tested else None,
            "avg_train_time": reading.elapsed_seconds / iterations,
            "images_per_second": reading.images_per_second,
            "wait_share": reading.wait_share,
            "bytes_read": reading.bytes_read,
            "requests": reading.requests,
            "retries": reading.retries,
            "read_wait_seconds": reading.read_wait_seconds,
            "n_scans": self.n_scans,
        }


class MetricsLog:
    """Hands every value to all sinks as soon as it is known; without sinks it keeps nothing."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def write(self, iteration: int, epoch: int, **values: float | None) -> None:
        """Write each value that is not None; the keyword is its type."""
        known = {name: value for name, value in values.items() if value is not None}
        for sink in self._sinks:
            sink.write(iteration, epoch, **known)

    def write_epoch(self, summary: EpochSummary, iterations: int) -> None:
        """Write what an epoch of that many iterations came to, at its last iteration."""
        self.write(iterations - 1, summary.epoch, **summary.values(iterations))
        for sink in self._sinks:
            sink.flush()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for sink in self._sinks:
            sink.close()


class MetricsFile:
    """``train_data_<rank>.csv``: a row per value, in the file as soon as it is written."""

    def __init__(
        self, output_dir: Path, rank: int = 0, resume_at: tuple[int, int] | None = None
    ) -> None:
        """Start a new file, or resume an old one without its rows from this (epoch, iteration) on.

        Raises:
            FormatError: the old file is not such a CSV.
        """
        self.path = output_dir / METRICS_FILES.replace("*", str(rank))
        self.kept = [] if resume_at is None else _rows_before(self.path, resume_at)
        with atomic_path(self.path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *self.kept])
        self._file = UnbufferedFile(self.path, "ab")

    def write(self, iteration: int, epoch: int, **values: float) -> None:
        """Append a row for each value; nothing is kept to be written later."""
        rows = "".join(f"{iteration},{epoch},{name},{values[name]}\r\n" for name in values)
        self._file.write(rows.encode())

    def flush(self) -> None:
        """Have the rows on the disk: a checkpoint follows that they must not lag behind."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _rows_before(path: Path, resume_at: tuple[int, int]) -> list[list[str]]:
    """The rows that a run resumed there doesn't write again."""
    rows = _whole_rows(path) if path.exists() else []
    return [row for row in rows if _comes_before(row, resume_at)]


def _comes_before(row: list[str], resume_at: tuple[int, int]) -> bool:
    epoch, iteration = int(row[1]), int(row[0])
    # What the epoch came to is written once more, though all of its iterations are done.
    again = epoch == resume_at[0] and row[2] in EPOCH_VALUES
    return (epoch, iteration) < resume_at and not again


def _whole_rows(path: Path) -> list[list[str]]:
    """The rows of a metrics file; damaged ones, such as a last one cut off, are left out."""
    *lines, last = read_regular(path).decode("utf-8", "replace").replace("\r", "").split("\n")
    rows = [line.split(",") for line in lines]
    whole = [row for row in rows if _is_row(row)]
    damaged = len(rows) + bool(last) - len(whole) - (rows[:1] == [list(COLUMNS)])
    if damaged and not whole and rows[:1] != [list(COLUMNS)]:
        raise FormatError(f"{path}: expected rows of {','.join(COLUMNS)}, found others")
    if damaged:
        print(printable(f"{path}: left out damaged rows: {damaged}"), file=sys.stderr)
    return whole


def _is_row(row: list[str]) -> bool:
    try:
        iteration, epoch, kind, value = row
        float(value)
        return min(int(iteration), int(epoch)) >= 0 and kind.isidentifier()
    except ValueError:
        return False
