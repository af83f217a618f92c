#!/usr/bin/env python3
"""Search a ten-level ladder on a folder of JPEGs, among those of one shape.

The shape: DC without its last bit; a first pass over the low luma frequencies and one over the high;
chroma; luma refined bit by bit, high frequencies until they are as exact as the low ones first; the
last bits. What is searched is where low ends (SPLITS) and how many bits each pass leaves out
(LOW_BITS, HIGH_BITS). A ladder's score is the mean of the bytes, relative to the sources', that it
needs to reach the MS-SSIM of THRESHOLDS. Prints all scores, best last, and the best ladder.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import pandas as pd
from ladders import load, measure

from pcr.ladder import Ladder

SPLITS = (2, 5, 9, 14)
LOW_BITS = (2, 3, 4)
HIGH_BITS = (3, 4, 5)
THRESHOLDS = (0.90, 0.95, 0.96, 0.97, 0.98, 0.99)


def script(split: int, low: int, high: int) -> str:
    """The ladder file of one candidate."""
    levels = [
        ["0,1,2: 0-0, 0, 1"],
        [f"0: 1-{split}, 0, {low}"],
        [f"0: {split + 1}-63, 0, {high}"],
        ["1: 1-63, 0, 2", "2: 1-63, 0, 2"],
        *([f"0: {split + 1}-63, {bit}, {bit - 1}"] for bit in range(high, low, -1)),
        *([f"0: 1-{split}, {bit}, {bit - 1}"] for bit in range(low, high, -1)),
        *([f"0: 1-63, {bit}, {bit - 1}"] for bit in range(min(low, high), 1, -1)),
        ["1: 1-63, 2, 1", "2: 1-63, 2, 1"],
        ["0,1,2: 0-0, 1, 0", "1: 1-63, 1, 0", "2: 1-63, 1, 0"],
        ["0: 1-63, 1, 0"],
    ]
    return "\n".join(
        f"{scan}; # level {number}"
        for number, level in enumerate(levels, start=1)
        for scan in level
    )


def score(table: pd.DataFrame) -> float:
    """Mean share of bytes of the lowest levels that reach the thresholds."""
    needed = [table.loc[table["ms_ssim_mean"] >= t, "share"].min() for t in THRESHOLDS]
    return sum(needed) / len(needed)


def main() -> None:
    """Parse, measure every candidate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of JPEGs, searched with its sub-folders")
    parser.add_argument("--sample", type=int, default=30, help="images to measure (default 30)")
    args = parser.parse_args()
    sources = load(args.images, args.sample)
    results = []
    for split, low, high in product(SPLITS, LOW_BITS, HIGH_BITS):
        ladder = Ladder.parse(f"{split}_{low}_{high}", script(split, low, high))
        table = measure(ladder, sources, tries=0)
        sufficient = table[table["ms_ssim_mean"] >= 0.96].iloc[0]
        results.append((score(table), ladder, sufficient))
    results.sort(key=lambda result: -result[0])
    for mean_bytes, ladder, level in results:
        print(
            f"{ladder.name:>8} {ladder.levels:>2} levels: score {mean_bytes:.4f}, MS-SSIM 0.96 at "
            f"level {level.level}, {level.share:.3f} of the bytes"
        )
    print(results[-1][1].text)


if __name__ == "__main__":
    main()
