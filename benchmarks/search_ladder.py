#!/usr/bin/env python3
"""Search a ladder of ten levels by what networks see, on a folder of JPEGs.

The search lowers the Kullback-Leibler divergence of networks' predictions from those at full
fidelity, per byte. Its states say how many low bits of each band of coefficients are left out. From
coarse DC on, it adds a bit of one band at a time, always the one that lowers the divergence most,
relatively, per byte. The states whose bytes are closest to SHARES end the levels. Judge the ladder
by ladders.py, on other images and with other networks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ladders import load
from networks import decode, load_network, predict
from numpy.typing import NDArray

from pcr import jpeg
from pcr.errors import PCRError
from pcr.ladder import Ladder
from pcr.tools.level_profile import kl_divergence
from pcr.train.classifier import Classifier

SHARES = (0.06, 0.08, 0.1, 0.13, 0.165, 0.205, 0.255, 0.33, 0.48)  # of levels 1 to 9
SCAN_SHARE = 0.002  # of the bytes: a scan's tables, and what coding it by itself loses
KEPT_STEPS = 8
UNSENT = 99
MOST_BITS = 5  # that a scan may leave out

State = tuple[int, ...]  # the low bits left out of each of BANDS
Move = tuple[int, int]  # the index of a band, and how many bits are left out then


class Band(NamedTuple):
    """Coefficients ``first`` … ``last``, in zigzag order, of components that are sent alike."""

    components: tuple[str, ...]
    first: int
    last: int


DC = Band(("0,1,2",), 0, 0)
LUMA = [Band(("0",), *edges) for edges in ((1, 2), (3, 5), (6, 9), (10, 14), (15, 27), (28, 63))]
CHROMA = [Band(("1", "2"), *edges) for edges in ((1, 2), (3, 5), (6, 63))]
BANDS = [DC, *LUMA, *CHROMA]
START: State = (4, *[UNSENT] * (len(BANDS) - 1))
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


def scans_between(before: State, after: State) -> list[Scan]:
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
    return joined


def _steps(previous_bit: int, bit: int) -> list[tuple[int, int]]:
    """Ah and Al of the scans that bring a band from one number of bits left out to another."""
    if previous_bit == UNSENT:
        return [] if bit == UNSENT else [(0, bit)]
    return list(pairwise(range(previous_bit, bit - 1, -1)))


class Photographs:
    """JPEGs in states: their bytes and the divergences of networks, each measured once."""

    def __init__(self, sources: Sequence[bytes], networks: Sequence[Classifier]) -> None:
        self._networks = networks
        self._source_bytes = sum(map(len, sources))
        self._full = self._predictions(sources)
        self._scans = [_first_scans(source) for source in sources]
        self._divergences: dict[State, NDArray[np.float64]] = {}
        self.first_bits = tuple(self._first_bit(band) for band in BANDS)

    def share(self, state: State) -> float:
        """The bytes of a state, relative to those of the sources."""
        return sum(map(len, self.jpegs(state))) / self._source_bytes

    def divergences(self, state: State) -> NDArray[np.float64]:
        """The mean divergence of each network."""
        if state not in self._divergences:
            pairs = zip(self._full, self._predictions(self.jpegs(state)), strict=True)
            self._divergences[state] = np.array([kl_divergence(*pair).mean() for pair in pairs])
        return self._divergences[state]

    def _predictions(self, jpegs: Sequence[bytes]) -> list[NDArray[np.float64]]:
        images = decode(jpegs)
        return [predict(network, images) for network in self._networks]

    def _first_bit(self, band: Band) -> int:
        """The most bits that a band's first scans may leave out and still say something."""
        for bit in range(MOST_BITS, 0, -1):
            if (
                sum(len(scans[band, bit]) for scans in self._scans)
                > SCAN_SHARE * self._source_bytes
            ):
                return bit
        return 0

    def jpegs(self, state: State) -> list[bytes]:
        """The images with just what a state has."""
        sent = [pair for pair in zip(BANDS, state, strict=True) if pair[1] != UNSENT]
        return [b"".join(scans[pair] for pair in sent) + jpeg.EOI for scans in self._scans]


def _first_scans(source: bytes) -> Mapping[tuple[Band, int], bytes]:
    """Of each band, by the number of bits left out, the scans that send it at once.

    The bytes of a scan depend on the coefficients and its own line of the ladder, not on other
    scans. So these make up the JPEG of any state, but for what refinements cost more.
    """
    found = {}
    for bit in range(MOST_BITS + 1):
        first = [Scan(c, b.first, b.last, 0, bit) for b in BANDS for c in b.components]
        rest = scans_between((bit,) * len(BANDS), FULL)
        ladder = Ladder.parse("bands", "\n".join(map(str, [*first, *rest])))
        whole = jpeg.rewrite(source, ladder.scripts)
        parts = iter(whole.data[begin:end].tobytes() for begin, end in pairwise(whole.borders))
        for band in BANDS:
            found[band, bit] = b"".join(next(parts) for _ in band.components)
    return found


def next_states(state: State, first_bits: State) -> Iterator[tuple[Move, State]]:
    """The states with one bit more of one band, or with a band's first bits."""
    for index, (bit, first_bit) in enumerate(zip(state, first_bits, strict=True)):
        if bit > 0:
            lower = first_bit if bit == UNSENT else bit - 1
            yield (index, lower), (*state[:index], lower, *state[index + 1 :])


class Gain(NamedTuple):
    """What a move is worth: how much less each network diverges, and the share of bytes added.

    ``step``: the step of the search at which this was measured.
    """

    decrease: NDArray[np.float64]
    added: float
    step: int

    def score(self, divergences: NDArray[np.float64]) -> float:
        """The relative decrease per share of the bytes where divergences are these."""
        return float((self.decrease / divergences).mean() / (self.added + SCAN_SHARE))


def search(photographs: Photographs, most_share: float) -> Iterator[State]:
    """The states that the search visits, up to ``most_share`` of the bytes.

    A decrease seldom grows on the way. So the one that was measured last is taken for a bound for
    KEPT_STEPS steps, and only moves that look best are measured again.
    """
    state = START
    gains: dict[Move, Gain] = {}
    for step in count():
        if photographs.share(state) >= most_share:
            return
        yield state
        moves = dict(next_states(state, photographs.first_bits))
        gains = {move: kept for move, kept in gains.items() if kept.step > step - KEPT_STEPS}
        divergences = photographs.divergences(state)
        while (best := _best(moves, gains, divergences)) not in gains or gains[best].step < step:
            decrease = divergences - photographs.divergences(moves[best])
            added = photographs.share(moves[best]) - photographs.share(state)
            gains[best] = Gain(decrease, added, step)
        state = moves[best]


def _best(
    moves: Iterable[Move], gains: Mapping[Move, Gain], divergences: NDArray[np.float64]
) -> Move:
    """The move with the highest score; those never measured come first."""
    return max(moves, key=lambda m: gains[m].score(divergences) if m in gains else np.inf)


def to_text(state: State) -> str:
    """The bits left out of DC, of the luma bands and of the chroma bands; "-" for bands not sent."""
    bits = ["-" if bit == UNSENT else str(bit) for bit in state]
    return " ".join("".join(part) for part in (bits[:1], bits[1:7], bits[7:]))


def to_ladder(name: str, ends: Sequence[State]) -> Ladder:
    """The ladder whose levels end in these states and, the last one, at full fidelity."""
    states = [(UNSENT,) * len(BANDS), *ends, FULL]
    scans = [scans_between(*pair) for pair in pairwise(states)]
    lines = [f"{scan}  # level {k}" for k, level in enumerate(scans, 1) for scan in level]
    return Ladder.parse(name, "\n".join(lines) + "\n")


def main() -> None:
    """Parse, search, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of JPEGs, searched with its sub-folders")
    parser.add_argument("--models", nargs="+", required=True, metavar="NAME|CHECKPOINT")
    parser.add_argument("--sample", type=int, default=60, help="images to search on (default 60)")
    args = parser.parse_args()
    try:
        networks = [load_network(name) for name in args.models]
        sources = load(args.images, args.sample).values()
        colored = [data for data in sources if jpeg.header(data).components == 3]
        if not colored:
            raise PCRError(f"{args.images}: expected JPEGs of three components, found none")
        photographs = Photographs(colored, networks)
    except (PCRError, OSError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    path = []
    for state in search(photographs, SHARES[-1] * 1.1):
        path.append(state)
        divergences = " ".join(f"{d:.4f}" for d in photographs.divergences(state))
        print(f"{photographs.share(state):.4f} {divergences}  {to_text(state)}", flush=True)
    ends = [min(path, key=lambda state: abs(photographs.share(state) - share)) for share in SHARES]
    print(to_ladder("searched", list(dict.fromkeys(ends))).text)


if __name__ == "__main__":
    main()
