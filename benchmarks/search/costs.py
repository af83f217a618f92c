"""What ladders cost: bytes, scans, and the time in which our own decoder decodes all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcr import jpeg
from pcr.ladder import Ladder
from search.bands import FULL, MOST_BITS, NOTHING, Scan, State, Table, scans_between, to_table
from search.notes import Notes

REFERENCE = "bitplane"  # the ladder to whose time times are relative

# Nanoseconds for a scan's blocks (of 64 pixels, each component) and bytes, where it is the first of
# its coefficients and where it refines them. Fitted to 18 ladders on 10 images, whose times lie 0.86
# to 1.38 from REFERENCE's: it predicts these within 0.035. One core of an AMD EPYC, 2026-11-28.
# These had about 4 bits per pixel; on images with far fewer, it takes scans for slower than they are.
DC_BLOCK, AC_BLOCK, REFINED_BLOCK = 0.9, 4.1, 8.0
AC_BYTE, REFINED_BYTE = 10.4, 7.4


class Bounds(NamedTuple):
    """The most that a ladder may cost."""

    scans: int
    time: float  # to decode the last level, relative to REFERENCE
    share: float  # of the last level's bytes, relative to the sources
    first_share: float  # of the first level's


class Cost(NamedTuple):
    """What a ladder costs: the share of the bytes up to each level, its scans, its relative time."""

    shares: NDArray[np.float64]
    scans: int
    time: float

    def is_within(self, bounds: Bounds) -> bool:
        """Whether nothing costs more than it may, and each level adds something."""
        return (
            self.scans <= bounds.scans
            and self.time <= bounds.time
            and self.shares[-1] <= bounds.share
            and self.shares[0] <= bounds.first_share
            and bool((np.diff(self.shares) > 0).all())
        )


class Costs:
    """Costs on some images. Scans are measured once, whatever ladders they belong to."""

    def __init__(self, sources: Sequence[bytes], notes: Notes) -> None:
        self._sources = sources
        self._source_bytes = np.mean([len(source) for source in sources])
        headers = [jpeg.header(source) for source in sources]
        self._blocks = np.mean([header.width * header.height for header in headers]) / 64
        self._notes = notes
        self._level = lru_cache(None)(self._measure_level)
        self._reference = self._nanoseconds(to_table(Ladder.load(REFERENCE)))

    def of(self, table: Table) -> Cost:
        """What the ladder with these states costs."""
        levels = np.array([self._level(*pair) for pair in pairwise([NOTHING, *table, FULL])])
        sizes, times, scans = levels.T
        return Cost(
            sizes.cumsum() / self._source_bytes, int(scans.sum()), times.sum() / self._reference
        )

    def _nanoseconds(self, table: Table) -> float:
        return sum(self._level(*pair)[1] for pair in pairwise([NOTHING, *table, FULL]))

    def _measure_level(self, before: State, after: State) -> tuple[float, float, int]:
        """Mean bytes, nanoseconds and number of the scans from one state to another."""
        scans = scans_between(before, after)
        sizes = [self._scan_bytes(scan) for scan in scans]
        times = [self._time(scan, size) for scan, size in zip(scans, sizes, strict=True)]
        return sum(sizes), sum(times), len(scans)

    def _time(self, scan: Scan, size: float) -> float:
        if scan.first == 0:
            return DC_BLOCK * self._blocks * len(scan.components.split(","))
        if scan.previous_bit > 0:
            return REFINED_BLOCK * self._blocks + REFINED_BYTE * size
        return AC_BLOCK * self._blocks + AC_BYTE * size

    def _scan_bytes(self, scan: Scan) -> float:
        """The mean bytes of a scan, its tables included, and the headers if it is the first."""
        bit = MOST_BITS if scan.previous_bit else scan.bit
        return self._measure_chain(scan.first, scan.last, bit)[str(scan)]

    def _measure_chain(self, first: int, last: int, bit: int) -> dict[str, float]:
        """The bytes of the scans that send a band but for its last bits, and then refine it.

        A scan's bytes depend on nothing but its own line and the coefficients.
        """
        return self._notes.remember(
            f"bytes of {first}-{last} from bit {bit}", lambda: self._rewrite(first, last, bit)
        )

    def _rewrite(self, first: int, last: int, bit: int) -> dict[str, float]:
        runs = [run for run in ((1, first - 1), (first, last), (last + 1, 63)) if _is_ac(run)]
        bands = [("0,1,2", 0, 0), *((component, *run) for component in "012" for run in runs)]
        steps = [(0, bit), *pairwise(range(bit, -1, -1))]
        scans = [Scan(*band, *step) for step in steps for band in bands]
        ladder = Ladder.parse("chain", "\n".join(map(str, scans)))
        borders = [jpeg.rewrite(source, ladder.scripts).borders for source in self._sources]
        sizes = np.diff(borders).mean(axis=0).round(2)
        return {
            str(scan): size for scan, size in zip(scans, sizes, strict=True) if scan.first == first
        }


def _is_ac(run: tuple[int, int]) -> bool:
    return 1 <= run[0] <= run[1]
