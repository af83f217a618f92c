"""The folder that a run's results go to, and that no other run's results are lost there."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcr.errors import PCRError, StorageError, describe
from pcr.train import checkpoint
from pcr.train.config import TrainConfig
from pcr.train.log import METRICS_FILES
from pcr.train.processes import Processes

_RESUME = "continue with `resume='auto'`"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def folder(config: TrainConfig) -> Path:
    """``output_dir``; by default the folder of the checkpoint to resume from, or `run_name`."""
    if config.output_dir is not None:
        return config.output_dir
    if config.resume and str(config.resume) != checkpoint.AUTO:
        return config.resume.parent
    return Path(config.run_name)


def check_free(config: TrainConfig, output_dir: Path, processes: Processes) -> None:
    """Refuse to overwrite results of another run, on all processes if one of them finds any.

    Raises:
        PCRError: names what was found, and what to do.
    """
    resume = config.resume
    if resume is None or not lies_in(output_dir, resume):
        found, what = earlier_result(output_dir), "continue that run with `resume='auto'`, or"
    elif processes.is_main and not checkpoint.find(resume, output_dir):
        found, what = finished_epochs(output_dir), "its checkpoint is gone, so"
    else:
        found, what = None, ""
    first = processes.first((found, what) if found else None)
    if first is not None:
        raise PCRError(
            f"{first[0]}: expected no results of another run in this folder: {first[1]} choose "
            "another `output_dir`"
        )


def lies_in(output_dir: Path, resume: Path) -> bool:
    """Whether the checkpoint to resume from is one of the folder's."""
    return str(resume) == checkpoint.AUTO or resume.parent.resolve() == output_dir.resolve()


@contextmanager
def resumable_errors() -> Iterator[None]:
    """Turn what a disk or a server fails at into one line, which says how to resume what was saved.

    Raises:
        PCRError: names the file or the URL, and what to do.
    """
    try:
        yield
    except StorageError as error:
        raise StorageError(f"{error}: once that is mended, {_RESUME}") from error
    except BrokenPipeError as error:
        raise PCRError(f"standard output was closed by its reader: {_RESUME}") from error
    except OSError as error:
        remedy = "free some space" if error.errno in _FULL else "mend that"
        raise PCRError(f"{describe(error)}: {remedy}, then {_RESUME}") from error


def earlier_result(output_dir: Path) -> Path | None:
    """A file of metrics or a checkpoint that a run left in the folder."""
    names = (METRICS_FILES, checkpoint.LAST_FILE, checkpoint.BEST_FILE)
    return next((path for name in names for path in sorted(output_dir.glob(name))), None)


def finished_epochs(output_dir: Path) -> Path | None:
    """A file of metrics of more than a first epoch that was never finished."""
    files = sorted(output_dir.glob(METRICS_FILES))
    return next((path for path in files if b",avg_train_loss," in path.read_bytes()), None)
