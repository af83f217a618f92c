"""Scan scripts: the syntax that ``cjpeg -scans`` reads, and what makes a script valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcr.errors import FormatError

_MAX_SCAN_CHARACTERS = 100
_MAX_POINT_TRANSFORM = 13  # ITU-T T.81, table B.3
_SCAN = re.compile(r"\s*([\d\s,]+?)\s*:\s*(\d+)\s*-\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*")
_LEVEL = re.compile(r"\blevel\s+(\d{1,9})\b")
_UNSENT = 99  # more bits than any coefficient has


@dataclass(frozen=True)
class Scan:
    """One SOS segment to write: components, spectral band, successive approximation, level."""

    components: tuple[int, ...]
    first: int
    last: int
    previous_bit: int
    bit: int
    level: int

    def with_components(self, *components: int) -> Scan:
        """The same scan of other components."""
        return Scan(components, self.first, self.last, self.previous_bit, self.bit, self.level)

    def line(self, level: int) -> str:
        """The scan as a line of a ladder file, at that level."""
        components = ",".join(map(str, self.components))
        band = f"{self.first}-{self.last}, {self.previous_bit}, {self.bit}"
        return f"{components}: {band};  # level {level}\n"


def parse_scans(text: str, source: str) -> Iterator[Scan]:
    """The scans of a script; FormatError where it is not in the syntax."""
    pending = ""
    count = 0
    annotated: bool | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        code, _, comment = line.partition("#")
        *entries, pending = (pending + " " + code).split(";")
        level = _LEVEL.search(comment)
        for entry in entries:
            scan = " ".join(entry.split())
            found = _SCAN.fullmatch(scan) if len(scan) <= _MAX_SCAN_CHARACTERS else None
            if not found:
                raise FormatError(
                    f"{source}, line {number}: expected 'components: Ss-Se, Ah, Al;', "
                    f"found {scan[:_MAX_SCAN_CHARACTERS]!r}"
                )
            if annotated is not None and annotated != (level is not None):
                raise FormatError(
                    f"{source}, line {number}: expected '# level N' after every scan or after none"
                )
            annotated = level is not None
            count += 1
            components = tuple(int(c) for c in re.findall(r"\d+", found[1]))
            first, last, previous_bit, bit = (int(found[i]) for i in range(2, 6))
            yield Scan(
                components, first, last, previous_bit, bit, int(level[1]) if level else count
            )
    if pending.strip():
        rest = " ".join(pending.split())[-_MAX_SCAN_CHARACTERS:]
        raise FormatError(f"{source}: expected ';' at the end of {rest!r}")


def check_levels(scans: tuple[Scan, ...], source: str) -> None:
    """Raise FormatError unless levels ascend from 1 without a gap."""
    previous = 0
    for number, scan in enumerate(scans, start=1):
        if scan.level not in (previous, previous + 1) or scan.level == 0:
            raise FormatError(
                f"{source}, scan {number}: expected level {max(previous, 1)} or {previous + 1}, "
                f"found {scan.level}"
            )
        previous = scan.level


def check_progression(scans: tuple[Scan, ...], source: str) -> NDArray[np.int64]:
    """Every bit of every coefficient is sent once at most, in order, as ITU-T T.81 G.1 demands.

    Returns how many low bits are never sent: int64 of shape (3 components, 64 coefficients).
    """
    state = np.full((3, 64), _UNSENT)
    for number, scan in enumerate(scans, start=1):
        where = f"{source}, scan {number}"
        components = list(scan.components)
        if sorted(set(components)) != components or not set(components) <= {0, 1, 2}:
            raise FormatError(f"{where}: expected components among 0, 1, 2, found {components}")
        if scan.first == 0 and scan.last != 0:
            raise FormatError(f"{where}: expected DC alone (0-0), found 0-{scan.last}")
        if scan.first > 0 and len(components) > 1:
            raise FormatError(f"{where}: expected one component in an AC scan, found {components}")
        if not scan.first <= scan.last <= 63 or scan.bit > _MAX_POINT_TRANSFORM:
            raise FormatError(
                f"{where}: expected Ss <= Se <= 63 and Al <= {_MAX_POINT_TRANSFORM}, "
                f"found {scan.first}-{scan.last}, Al {scan.bit}"
            )
        band = state[components, scan.first : scan.last + 1]
        expected = _UNSENT if scan.previous_bit == 0 else scan.previous_bit
        refines_one_bit = scan.previous_bit in (0, scan.bit + 1)
        if (band != expected).any() or not refines_one_bit:
            raise FormatError(
                f"{where}: expected a band not sent before, or one more bit of it, "
                f"found {scan.first}-{scan.last}, {scan.previous_bit}, {scan.bit}"
            )
        if scan.first > 0 and (state[components, 0] == _UNSENT).any():
            raise FormatError(f"{where}: expected DC of component {components[0]} before its AC")
        state[components, scan.first : scan.last + 1] = scan.bit
        ends_level_1 = scan.level == 1 and (number == len(scans) or scans[number].level > 1)
        if ends_level_1 and (state[:, 0] == _UNSENT).any():
            raise FormatError(f"{source}: expected DC of all three components in level 1")
    return state


def check_complete(missing_bits: NDArray[np.int64], source: str) -> None:
    """Raise FormatError where bits are missing, as `check_progression` found them."""
    if (missing_bits != 0).any():
        component, coefficient = np.argwhere(missing_bits != 0)[0]
        raise FormatError(
            f"{source}: expected all bits of every coefficient, "
            f"found component {component}, coefficient {coefficient} incomplete"
        )
