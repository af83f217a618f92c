"""Where a record's bytes come from."""

from __future__ import annotations

import os
from pathlib import Path

# What one POSIX_FADV_WILLNEED is sure to fetch: the kernel cuts longer requests to its read-ahead.
_FETCH_BYTES = 128 * 1024


def prefetch(path: Path, prefix_bytes: int) -> None:
    """Ask the kernel for the first ``prefix_bytes`` of a file and for nothing after them.

    Ordinary sequential reads would trigger read-ahead, which fetches up to megabytes of levels that
    nobody asked for. Pages requested this way carry no read-ahead mark, so reading them later
    triggers none.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for start in range(0, prefix_bytes, _FETCH_BYTES):
            length = min(_FETCH_BYTES, prefix_bytes - start)
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_WILLNEED)
    finally:
        os.close(descriptor)


def read_prefix(path: Path, prefix_bytes: int) -> bytes:
    """The first ``prefix_bytes`` of a file; fewer only where the file ends before."""
    with path.open("rb", buffering=0) as file:
        return file.read(prefix_bytes)
