"""The metrics of a run, value by value: in a CSV and for TensorBoard."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from pcr.atomic import atomic_path
from pcr.errors import FormatError
from pcr.train.meter import Reading, Scores

COLUMNS = ("iteration", "epoch", "type", "value")
METRICS_FILES = "train_data_*.csv"  # * is the process


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
    n_scans: int | None
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
        kept = [] if resume_at is None else _rows_before(self.path, resume_at)
        with atomic_path(self.path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *kept])
        self._file = self.path.open("a", newline="")
        self._writer = csv.writer(self._file)

    def write(self, iteration: int, epoch: int, **values: float) -> None:
        """Append a row for each value."""
        self._writer.writerows((iteration, epoch, name, values[name]) for name in values)
        self._file.flush()

    def flush(self) -> None:
        """Nothing: rows are in the file already."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _rows_before(path: Path, resume_at: tuple[int, int]) -> list[list[str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        header, *rows = [*csv.reader(file)] or [[]]
    try:
        if tuple(header) != COLUMNS:
            raise ValueError
        return [row for row in rows if (int(row[1]), int(row[0])) < resume_at]
    except (ValueError, IndexError):
        raise FormatError(f"{path}: expected rows of {','.join(COLUMNS)}, found others") from None
