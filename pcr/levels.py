"""Fewer levels of the same ladder."""

from __future__ import annotations

from pcr.errors import UsageError
from pcr.ladder import Ladder, Scan


def with_levels(ladder: Ladder, levels: int) -> Ladder:
    """The ladder with its levels from number ``levels`` on gathered into that one: no scan is lost.

    Raises UsageError where the ladder has fewer levels.
    """
    if not 1 <= levels <= ladder.levels or not ladder.scans:
        raise UsageError(
            f"--levels: expected 1 to the {ladder.levels} levels of ladder {ladder.name}, found {levels}"
        )
    if levels == ladder.levels:
        return ladder
    text = f"# {ladder.name}, its levels from {levels} on gathered into one.\n"
    text += "".join(_line(scan, min(scan.level, levels)) for scan in ladder.scans)
    return Ladder.parse(f"{ladder.name}-{levels}", text)


def _line(scan: Scan, level: int) -> str:
    components = ",".join(map(str, scan.components))
    band = f"{scan.first}-{scan.last}, {scan.previous_bit}, {scan.bit}"
    return f"{components}: {band};  # level {level}\n"
