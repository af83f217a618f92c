"""Tables of measurements: CSVs that say of each row on which machine, when and with what it was measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import describe

from pcr.atomic import atomic_path

ROOT = Path(__file__).resolve().parents[2]


def add_rows(path: Path, rows: Iterable[Mapping[str, object]], *, with_origin: bool = True) -> None:
    """Append measurements to a table; killed at any moment, it has all of them or none."""
    added = pd.DataFrame(list(rows)).assign(**origin() if with_origin else {})
    if path.exists():  # as text: numbers stay as they were written
        added = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False), added])
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        added.to_csv(temporary, index=False)


def known(path: Path, column: str, **where: str) -> set[object]:
    """The values of a column, in rows that have other columns' values; none without a table yet."""
    if not path.exists():
        return set()
    table = pd.read_csv(path)
    for name, value in where.items():
        table = table[table[name] == value]
    return set(table[column])


@cache
def origin() -> dict[str, str]:
    """Where the measurements of this process come from."""
    return {
        "date": date.today().isoformat(),
        "commit": _git("describe", "--always", "--dirty"),
        "machine": describe("torch", "torchvision", "Pillow", "progressive-compressed-records"),
    }


def _git(*words: str) -> str:
    found = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
