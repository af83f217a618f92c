"""A file that grows, of which nothing waits in memory to be written."""

from __future__ import annotations

import os
from pathlib import Path

from pcr.regular_file import named_errors


class UnbufferedFile:
    """Bytes are in the file as soon as they are written; an OSError names it."""

    def __init__(self, path: Path, mode: str) -> None:
        """`mode`: ab, or xb for a new file."""
        self.path = path
        self._file = path.open(mode, buffering=0)

    def write(self, data: bytes) -> None:
        """Add all of the bytes."""
        with named_errors(self.path):
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])

    def flush(self) -> None:
        """Have the bytes on the disk."""
        with named_errors(self.path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
