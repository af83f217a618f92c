#!/usr/bin/env python3
"""How many single images are read a second, in random order, on one thread, level by level.

python3 benchmarks/access.py DATASET [--levels 1,2,5,10] [--images 20000] [--rounds 5]

JPEG bytes alone: nothing is decoded. Each round reads that many images at each level, from the page
cache; the first one warms it up and is not counted. Then, of a tenth of the images, the same from
nginx on this machine, one image after the other, and with DataLoader's ``__getitems__`` 64 at a time.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from machine import describe

from pcr.dataset.reader import Dataset
from pcr.torch import MapDataset

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from helpers.servers import web_server

BATCH_SIZE = 64
Read = Callable[[np.ndarray, int], int]
"""Reads the images at these positions at a level; returns how many bytes they have."""


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--levels", default="1,2,5,10")
    parser.add_argument("--images", type=int, default=20_000, help="read in each round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    levels = [int(level) for level in arguments.levels.split(",")]
    local = Dataset(arguments.dataset)
    print(describe("numpy", "obstore"), f"load average {os.getloadavg()[0]:.1f}", sep=", ")
    print(f"{arguments.dataset}: {len(local)} images, {len(local.records)} records")
    rows = measure("local", local, one_by_one(local), levels, arguments.images, arguments.rounds)
    with TemporaryDirectory() as folder, web_server(arguments.dataset, Path(folder)) as server:
        remote = Dataset(server.url)
        for name, read in {"web": one_by_one(remote), "web, 64": in_batches(remote)}.items():
            rows += measure(name, remote, read, levels, arguments.images // 10, arguments.rounds)
    print(pd.DataFrame(rows).to_string(index=False))


def measure(
    name: str, dataset: Dataset, read: Read, levels: list[int], images: int, rounds: int
) -> list[dict[str, object]]:
    """One row per level, the rate as median over the rounds."""
    random = np.random.default_rng(0)
    rates: dict[int, list[float]] = {level: [] for level in levels}
    mean_bytes = {}
    for number in range(rounds + 1):
        for level in levels:
            positions = random.integers(len(dataset), size=images)
            begun = time.perf_counter()
            mean_bytes[level] = read(positions, level) / images
            elapsed_seconds = time.perf_counter() - begun
            if number > 0:
                rates[level].append(images / elapsed_seconds)
    return [
        {
            "from": name,
            "level": level,
            "mean_bytes": round(mean_bytes[level]),
            "images_per_s": round(np.median(rates[level])),
            "least": round(min(rates[level])),
            "most": round(max(rates[level])),
        }
        for level in levels
    ]


def one_by_one(dataset: Dataset) -> Read:
    """``dataset[i].jpeg(level)``."""
    return lambda positions, level: sum(len(dataset[i].jpeg(level)) for i in positions)


def in_batches(dataset: Dataset) -> Read:
    """``MapDataset.__getitems__``, which keeps JPEGs as they are."""

    def read(positions: np.ndarray, level: int) -> int:
        samples = MapDataset(dataset, level, decode=len)
        parts = np.array_split(positions, -(-len(positions) // BATCH_SIZE))
        return sum(size for part in parts for size, _ in samples.__getitems__(part))

    return read


if __name__ == "__main__":
    main()
