"""Bands of coefficients, states (the low bits of each that a level leaves out), and their ladders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pcr.ladder import Ladder

UNSENT = 99
MOST_BITS = 5  # that a scan may leave out

State = tuple[int, ...]  # the low bits left out of each of BANDS
Table = tuple[State, ...]  # the states in which the levels but the last end


class Band(NamedTuple):
    """Coefficients ``first`` … ``last``, in zigzag order, of components that are sent alike."""

    components: tuple[str, ...]
    first: int
    last: int


# The diagonals of a block, which have a frequency each, and the seven highest together.
DIAGONALS = ((1, 2), (3, 5), (6, 9), (10, 14), (15, 20), (21, 27), (28, 35), (36, 63))
DC = Band(("0,1,2",), 0, 0)
LUMA = [Band(("0",), *edges) for edges in DIAGONALS]
CHROMA = [Band(("1", "2"), *edges) for edges in DIAGONALS]
BANDS = [DC, *LUMA, *CHROMA]
GROUPS = (range(1), range(1, 1 + len(LUMA)), range(1 + len(LUMA), len(BANDS)))  # of their indices
NOTHING: State = (UNSENT,) * len(BANDS)
FULL: State = (0,) * len(BANDS)


class Scan(NamedTuple):
    """One scan of a ladder file."""

    components: str
    first: int
    last: int
    previous_bit: int
    bit: int

    def __str__(self) -> str:
        return f"{self.components}: {self.first}-{self.last}, {self.previous_bit}, {self.bit};"


@lru_cache(None)
def scans_between(before: State, after: State) -> tuple[Scan, ...]:
    """The scans that lead from one state to another, neighbouring bands joined where they can be."""
    scans = [
        Scan(components, band.first, band.last, *step)
        for band, previous_bit, bit in zip(BANDS, before, after, strict=True)
        for step in _steps(previous_bit, bit)
        for components in band.components
    ]
    joined: list[Scan] = []
    for scan in sorted(scans, key=lambda s: (s.first > 0, s.components, -s.bit, s.first)):
        if joined and joined[-1] == scan._replace(first=joined[-1].first, last=scan.first - 1):
            joined[-1] = joined[-1]._replace(last=scan.last)
        else:
            joined.append(scan)
    return tuple(joined)


def _steps(previous_bit: int, bit: int) -> Iterator[tuple[int, int]]:
    """Ah and Al of the scans that bring a band from one number of bits left out to another."""
    if previous_bit != UNSENT:
        yield from pairwise(range(previous_bit, bit - 1, -1))
    elif bit != UNSENT:
        yield 0, bit


def to_text(state: State) -> str:
    """The bits left out of DC, of the luma bands and of the chroma bands; "-" for bands not sent."""
    return " ".join(
        "".join("-" if state[i] == UNSENT else str(state[i]) for i in group) for group in GROUPS
    )


def to_ladder(name: str, table: Sequence[State]) -> Ladder:
    """The ladder whose levels end in these states and, the last one, at full fidelity."""
    levels = [scans_between(*pair) for pair in pairwise([NOTHING, *table, FULL])]
    lines = [f"{scan}  # level {k}" for k, level in enumerate(levels, 1) for scan in level]
    return Ladder.parse(name, "\n".join(lines) + "\n")


def to_table(ladder: Ladder) -> Table:
    """The states in which a ladder's levels but the last end.

    A band counts as sent as far as all of its coefficients are, in all of its components.
    """
    left_out = np.full((3, 64), UNSENT)
    states = {}
    for scan in ladder.scans:
        left_out[list(scan.components), scan.first : scan.last + 1] = scan.bit
        states[scan.level] = tuple(_left_out_of(band, left_out) for band in BANDS)
    return tuple(states[level] for level in range(1, ladder.levels))


def _left_out_of(band: Band, left_out: np.ndarray) -> int:
    components = [int(c) for part in band.components for c in part.split(",")]
    return int(left_out[components, band.first : band.last + 1].max())
