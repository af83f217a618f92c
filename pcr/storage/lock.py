"""The lock of a directory that a process writes a dataset to."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pcr.errors import DatasetError
from pcr.storage.local import LocalStore
from pcr.storage.store import Store


@contextmanager
def locked(output: Store, *, shared: bool = False) -> Iterator[None]:
    """Hold a directory for one writer; the lock ends with the process, however that ends.

    With ``shared`` others may share it, as the shards of a conversion do. Raises DatasetError where
    another process holds it. File systems without locks are not locked, nor are object stores.
    """
    if not isinstance(output, LocalStore):
        yield
        return
    directory = output.root
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DatasetError(
            f"{directory}: another process is writing here: wait for it to end, "
            "or choose another directory"
        ) from None
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(descriptor)
