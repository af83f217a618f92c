"""How long each phase of a conversion takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def timed(phases: dict[str, float], name: str) -> Iterator[None]:
    """Note the elapsed seconds of a phase that does not fail."""
    begun = time.perf_counter()
    yield
    phases[name] = time.perf_counter() - begun
