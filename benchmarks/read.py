#!/usr/bin/env python3
"""How fast records are read from the page cache and joined, on one thread, level by level.

python3 benchmarks/read.py DATASET [--rounds 7]

In the same rounds it reads the same prefixes with plain ``read`` and no join, which is what any
reader pays.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from machine import describe

from pcr.dataset.reader import Dataset


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    dataset = Dataset(arguments.dataset)
    print(describe("numpy", "protobuf", "xxhash"))
    print(f"{arguments.dataset}: {len(dataset)} images, {len(dataset.records)} records")
    table = measure(dataset, arguments.rounds)
    print(table.to_string(index=False, float_format="{:.2f}".format))


def measure(dataset: Dataset, rounds: int) -> pd.DataFrame:
    """One row per level: MB of image bytes, and medians over the rounds in GB/s."""
    seconds: dict[tuple[int, str], list[float]] = {}
    image_bytes = {}
    for round_number in range(rounds + 1):  # the first one warms caches and buffers up
        for level in range(1, dataset.levels + 1):
            image_bytes[level] = read_joined(dataset, level, verify=True)
            for name, work in readers(dataset, level).items():
                begun = time.perf_counter()
                work()
                elapsed = time.perf_counter() - begun
                if round_number > 0:
                    seconds.setdefault((level, name), []).append(elapsed)
    return pd.DataFrame(
        {"level": level, "image_MB": size / 1e6}
        | {
            f"{name}_GB_per_s": size / 1e9 / np.median(seconds[level, name])
            for name in readers(dataset, level)
        }
        for level, size in image_bytes.items()
    )


def readers(dataset: Dataset, level: int) -> dict[str, Callable[[], object]]:
    """What is compared."""
    return {
        "join": lambda: read_joined(dataset, level, verify=True),
        "join_unchecked": lambda: read_joined(dataset, level, verify=False),
        "plain_read": lambda: read_plain(dataset, level),
    }


def read_joined(dataset: Dataset, level: int, *, verify: bool) -> int:
    """Read all records at a level; the bytes of their images."""
    return sum(len(record.read(level, verify=verify).data) for record in dataset.records)


def read_plain(dataset: Dataset, level: int) -> None:
    """Read the same prefixes, and do nothing with them."""
    for record in dataset.records:
        with record.path.open("rb", buffering=0) as file:
            file.read(record.prefix_bytes[level])


if __name__ == "__main__":
    main()
