"""What stays of a run: the CSV of metrics, and the summaries on the console."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pcr.atomic import atomic_path
from pcr.errors import FormatError
from pcr.train.meter import Reading, Scores
from pcr.train.tensorboard import TensorBoardLog

COLUMNS = ("iteration", "epoch", "type", "value")


class MetricsLog:
    """`train_data_<rank>.csv`: a row per value, on disk as soon as it is known; and the same for TensorBoard."""

    def __init__(
        self,
        output_dir: Path,
        rank: int = 0,
        resume_at: tuple[int, int] | None = None,
        tensorboard: TensorBoardLog | None = None,
    ) -> None:
        """Start a new file, or go on with an old one, whose rows from this (epoch, iteration) on are left out.

        Raises:
            FormatError: the old file is no such CSV.
        """
        self._tensorboard = tensorboard
        self.path = output_dir / f"train_data_{rank}.csv"
        kept = [] if resume_at is None else _rows_before(self.path, resume_at)
        with atomic_path(self.path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *kept])
        self._file = self.path.open("a", newline="")
        self._writer = csv.writer(self._file)

    def write(self, iteration: int, epoch: int, **values: float | None) -> None:
        """Append a row for each value that is not None; the keyword is its type."""
        for name, value in values.items():
            if value is not None:
                self._writer.writerow((iteration, epoch, name, value))
        self._file.flush()
        if self._tensorboard:
            self._tensorboard.write(iteration, epoch, **values)

    def write_epoch(self, summary: EpochSummary, iterations: int) -> None:
        """Append what an epoch of that many iterations came to, as of its last iteration."""
        self.write(
            iterations - 1,
            summary.epoch,
            test_top_1=summary.tested.top_1,
            test_top_5=summary.tested.top_5,
            avg_train_loss=summary.train_loss,
            avg_test_loss=summary.tested.loss,
            avg_train_time=summary.reading.elapsed_seconds / iterations,
            images_per_second=summary.reading.images_per_second,
            wait_share=summary.reading.wait_share,
            bytes_read=summary.reading.bytes_read,
            n_scans=summary.n_scans,
        )
        if self._tensorboard:
            self._tensorboard.flush()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        if self._tensorboard:
            self._tensorboard.close()


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


@dataclass(frozen=True)
class EpochSummary:
    """One epoch's outcome."""

    epoch: int
    n_scans: int | None
    train_loss: float
    tested: Scores
    reading: Reading

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EpochSummary:
        """What `dataclasses.asdict` made plain values of."""
        tested, reading = Scores(**values["tested"]), Reading(**values["reading"])
        return cls(**{**values, "tested": tested, "reading": reading})

    def line(self, epochs: int) -> str:
        """One line, as printed at the epoch's end."""
        fidelity = f" at {self.n_scans} scans" if self.n_scans else ""
        return (
            f"epoch {self.epoch + 1}/{epochs}{fidelity}: "
            f"train loss {self.train_loss:.4f}, test loss {self.tested.loss:.4f}, "
            f"top-1 {self.tested.top_1:.2f} %, top-5 {self.tested.top_5:.2f} %, "
            f"{self.reading.images_per_second:.0f} images/s, "
            f"{self.reading.megabytes_per_second:.1f} MB/s read, "
            f"{self.reading.wait_share:.0%} waiting for data"
        )
