"""The metrics of a run for TensorBoard."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pcr.errors import PCRError
from pcr.extras import how_to_install
from pcr.train.unbuffered_file import UnbufferedFile

# What the CSV calls it → where TensorBoard shows it. When an epoch began is not a curve.
TAGS = {
    "avg_train_loss": "loss/train",
    "avg_test_loss": "loss/test",
    "test_top_1": "accuracy/top_1",
    "test_top_5": "accuracy/top_5",
    "images_per_second": "speed/images_per_second",
    "avg_train_time": "speed/seconds_per_iteration",
    "data_times": "data/wait_seconds",
    "wait_share": "data/wait_share",
    "bytes_read": "data/bytes_read",
    "requests": "data/requests",
    "retries": "data/retries",
    "read_wait_seconds": "data/read_wait_seconds",
    "n_scans": "fidelity/n_scans",
    "autotune_bytes_read": "fidelity/autotune_bytes_read",
}
SCORE_PREFIXES = ("autotune_score_", "autotune_loss_")


class TensorBoardLog:
    """Scalars in an event file, over the iterations of the whole run."""

    def __init__(
        self, log_dir: Path, iterations: int, resume_at: tuple[int, int] | None = None
    ) -> None:
        """Open the folder for a run whose epochs have that many iterations.

        What an earlier run wrote from ``resume_at`` (epoch, iteration) on is no longer shown.

        Raises:
            PCRError: TensorBoard is not installed.
            OSError: the folder can't be written to.
        """
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise PCRError(
                f"TensorBoard's events need the package tensorboard, which can't be imported ({error}): "
                f"{how_to_install('tensorboard')}"
            ) from error
        self._iterations = iterations
        self._first = 0
        if resume_at is not None:
            # An epoch's values stand at its last iteration, and come again after a validation.
            self._first = self._step(min(resume_at[1], iterations - 1), resume_at[0])
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        # TensorBoard's own writer has a thread, which meets a full disk later, with a traceback.
        log_dir.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._writer = RecordWriter(UnbufferedFile(log_dir / name, "xb"))
        self._add(file_version="brain.Event:2")
        if resume_at is not None:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._add(step=self._first, session_log=start)

    def write_again(self, rows: Iterable[Sequence[str]]) -> None:
        """Add those rows of the CSV that are no longer shown though they were kept."""
        for iteration, epoch, name, value in rows:
            if self._step(int(iteration), int(epoch)) >= self._first:
                self.write(int(iteration), int(epoch), **{name: float(value)})

    def write(self, iteration: int, epoch: int, **values: float) -> None:
        """Add the values that are curves; the keyword is the CSV's type."""
        for name, value in values.items():
            tag = f"fidelity/{name}" if name.startswith(SCORE_PREFIXES) else TAGS.get(name)
            if tag:
                scalar = self._summary.Value(tag=tag, simple_value=value)
                summary = self._summary(value=[scalar])
                self._add(step=self._step(iteration, epoch), summary=summary)

    def flush(self) -> None:
        """Have everything on disk."""
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _add(self, **contents: Any) -> None:
        event = self._event(wall_time=time.time(), **contents)
        self._writer.write(event.SerializeToString())

    def _step(self, iteration: int, epoch: int) -> int:
        return epoch * self._iterations + iteration
