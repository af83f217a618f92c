"""The directory that a conversion writes to: one conversion at a time, and what a full disk means."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.dataset import layout
from pcr.errors import DatasetError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def remove_temporaries(directory: Path) -> None:
    """Remove what a killed conversion was writing."""
    for path in layout.dataset_files(directory):
        if path.name.endswith(TEMPORARY_SUFFIX):
            path.unlink()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory for one conversion; the lock ends with the process, however that ends.

    Raises DatasetError where another process holds it. File systems without locks go without.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DatasetError(
            f"{directory}: another conversion is writing here: wait for its end, "
            "or choose another output directory"
        ) from None
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def explained_full_disk(directory: Path) -> Iterator[None]:
    """Turn the error of a full disk, a quota or a size limit into what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DatasetError(
            f"{directory}: {error.strerror}: make room and give the same command again (without "
            "--force), it goes on behind the last whole record"
        ) from None
