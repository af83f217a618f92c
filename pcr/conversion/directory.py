"""The directory that a conversion writes to: whose files it holds, its lock, and its limits."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.dataset import layout
from pcr.dataset.release import refuse_release
from pcr.errors import DatasetError, UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_directories(source: Path, output: Path) -> None:
    """Raise DatasetError or UsageError unless ``output`` may hold a dataset of ``source``."""
    refuse_release(source, "convert the folder of images that it was made from")
    if (source / layout.INDEX_FILE).is_file():
        raise DatasetError(f"{source}: expected a folder of images, found a PCR dataset")
    if output.exists() and not output.is_dir():
        raise DatasetError(f"{output}: expected an output directory, found a file")
    # Not Path.resolve(), to which links in a circle are a RuntimeError.
    if Path(os.path.realpath(output)).is_relative_to(os.path.realpath(source)):
        raise UsageError(f"{output}: expected an output directory outside the input {source}")
    refuse_release(output, "choose another output directory")


def check_no_dataset(directory: Path) -> None:
    """Raise DatasetError where a conversion would replace files."""
    if layout.shard_plans(directory):
        raise DatasetError(
            f"{directory}: holds shards of an unfinished conversion: convert the rest with `shard` "
            f"and run pcr merge {directory}, or use `restart` to drop them and start over"
        )
    found = [path for path in layout.dataset_files(directory) if not is_temporary(path)]
    if found:
        _check_ours(found)
        is_index = found[0].name == layout.INDEX_FILE
        what = "a dataset" if is_index else f"{found[0].name} but no index"
        raise DatasetError(
            f"{directory}: already holds {what}: use `force` to replace it, "
            "or `append` to add to it"
        )


def remove_dataset(directory: Path) -> None:
    """Remove the files of a dataset; none, and DatasetError, where one of them is not ours."""
    files = layout.dataset_files(directory)
    _check_ours(files)
    for path in files:
        path.unlink()


def remove_temporaries(directory: Path, records: Container[int | None] | None = None) -> None:
    """Remove what a killed conversion was writing; with ``records`` of these records alone."""
    for path in filter(is_temporary, layout.dataset_files(directory)):
        number = layout.file_number(path.name.removesuffix(TEMPORARY_SUFFIX))
        if records is None or number in records:
            path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Whether a file is being written, or was when a conversion was killed."""
    return path.name.endswith(TEMPORARY_SUFFIX)


def _check_ours(files: Sequence[Path]) -> None:
    """A database under one of our names need not be ours; the other names are our own."""
    for path in files:
        if path.suffix == layout.DATABASE_SUFFIX and not layout.is_ours(path):
            raise DatasetError(
                f"{path}: expected a file of a PCR dataset, found another kind, which is never "
                "replaced: move it away, or choose another output directory"
            )


@contextmanager
def locked(directory: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the directory for one conversion; the lock ends with the process, however that ends.

    With ``shared`` others may share it, as the shards of a conversion do. Raises DatasetError where
    another process holds it. File systems without locks are not locked.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DatasetError(
            f"{directory}: another conversion is writing here: wait for it to end, "
            "or choose another output directory"
        ) from None
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def explained_limits(directory: Path) -> Iterator[None]:
    """Turn the error of a full disk, of memory or of threads into what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _limit(directory, str(error.strerror), "free some space") from None
    except MemoryError:
        raise out_of_memory(directory) from None
    except RuntimeError as error:
        if str(error) != "can't start new thread":
            raise
        raise _limit(
            directory, "no more threads can be started", "give fewer `num_workers`"
        ) from None


def out_of_memory(path: Path) -> DatasetError:
    """What to do where the memory was not enough for this file or directory."""
    return _limit(path, "out of memory", "free some, or give fewer `num_workers`,")


def _limit(path: Path, found: str, remedy: str) -> DatasetError:
    return DatasetError(
        f"{path}: {found}: {remedy} and convert again, without `force` or `restart`, to resume "
        "after the last complete record"
    )
