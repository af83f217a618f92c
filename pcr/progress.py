"""Progress bars, the same everywhere."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(*arguments: Any, **options: Any) -> tqdm:
    """A tqdm bar; where stderr is a log and no terminal, one line every ten seconds."""
    if not sys.stderr.isatty():
        options = {"mininterval": 10.0, "maxinterval": 10.0, "ascii": True, **options}
    return tqdm(*arguments, dynamic_ncols=True, **options)
