"""The threads and files of this process, native ones too, as Linux's /proc counts them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")


def entries(folder: str) -> int:
    return len(list(Path("/proc/self", folder).iterdir()))


def native_threads() -> set[str]:
    """The system's numbers of the threads; other tests' threads may end at any time."""
    return {path.name for path in Path("/proc/self/task").iterdir()}


def all_gone_but(threads: set[str]) -> bool:
    """Whether no thread is left but these; the system forgets one a moment after it was joined."""
    for _ in range(100_000):
        if native_threads() <= threads:
            return True
        os.sched_yield()
    return False
