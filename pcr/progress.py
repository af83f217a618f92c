"""Progress bars, the same everywhere."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(*arguments: Any, **options: Any) -> tqdm:
    """A tqdm bar as wide as the terminal; in a log, a line of 79 columns every ten seconds."""
    if sys.stderr is None:  # as in a process without standard streams
        return tqdm(*arguments, **{**options, "disable": True})
    if sys.stderr.isatty():
        return tqdm(*arguments, dynamic_ncols=True, **options)
    in_a_log = {"mininterval": 10.0, "maxinterval": 10.0, "ascii": True, "ncols": 79}
    return tqdm(*arguments, **{**in_a_log, **options})
