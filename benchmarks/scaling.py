#!/usr/bin/env python3
"""What a rate of images any number of cores allows, from what each stage costs here.

python3 benchmarks/scaling.py DATASET [--levels 2,5,10] [--cores 1,2,16,64] [--batch_size 256]
                              [--concurrent_reads 1] [--rounds 5]

The stages (stages.py; their table comes first) work at the same time, on batch after batch. So the
rate on c cores is the least of: c / all processor time of an image; 1 / that of Python, of which one
thread runs at a time; and concurrent_reads / that of reading and checksums. `memory_GB_per_s` is
what moves through memory at that rate at least: the output once, and each byte of a JPEG four times.
As far as this machine has the cores, the loader is measured on them too. Only an idle machine gives
numbers that mean something.
"""

from __future__ import annotations

import argparse
import os
import time

import pandas as pd
from machine import describe
from stages import loaders_of, measure, print_stages

from pcr import Dataset, Loader

OUTPUT_BYTES = 4 * 3 * 224 * 224


def main() -> None:
    """Parse, measure, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--levels", default="2,5,10")
    parser.add_argument("--cores", default="1,2,16,64")
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--concurrent_reads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    dataset = Dataset(arguments.dataset)
    print(describe("torch", "numpy"), f"load average {os.getloadavg()[0]:.1f}", sep=", ")
    print(f"{dataset!r}, batches of {arguments.batch_size}")
    counts = [int(count) for count in arguments.cores.split(",")]
    rows, by_level = [], {}
    for level in map(int, arguments.levels.split(",")):
        reads = arguments.concurrent_reads
        loaders = loaders_of(dataset, level, arguments.batch_size, concurrent_reads=reads)
        rounds = [measure(*loaders) for _ in range(arguments.rounds + 1)][1:]
        by_level[level] = stages = pd.DataFrame(rounds).median()
        for cores in counts:
            rate, limit = predict(stages, cores, arguments.concurrent_reads)
            rows.append(
                {
                    "level": level,
                    "cores": cores,
                    "images_per_s": round(rate),
                    "limit": limit,
                    "memory_GB_per_s": rate * bytes_moved(dataset, level) / 1e9,
                    "measured": measured(loaders[0], cores, arguments.rounds),
                }
            )
    print_stages(pd.DataFrame(by_level).T.rename_axis("level"))
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.1f}".format))


def predict(stages: pd.Series, cores: int, concurrent_reads: int) -> tuple[float, str]:
    """Images per second, and what limits them, from microseconds for an image."""
    limits = {
        "cores": 1e6 * cores / stages["cpu"],
        "python": 1e6 / stages["python"],
        "reading": 1e6 * concurrent_reads / (stages["read"] + stages["checksum"]),
    }
    limit = min(limits, key=lambda name: limits[name])
    return limits[limit], limit


def bytes_moved(dataset: Dataset, level: int) -> float:
    """Bytes that an image moves through memory, at least."""
    read_bytes = sum(record.prefix_bytes[level] for record in dataset.records)
    return OUTPUT_BYTES + 4 * read_bytes / len(dataset)


def measured(loader: Loader, cores: int, rounds: int) -> float | None:
    """The median rate on some of this machine's cores, if it has as many."""
    all_cores = os.sched_getaffinity(0)
    if cores > len(all_cores):
        return None
    os.sched_setaffinity(0, sorted(all_cores)[-cores:])
    try:
        rates = [rate_of_epoch(loader) for _ in range(rounds + 1)]
    finally:
        os.sched_setaffinity(0, all_cores)
    return float(pd.Series(rates[1:]).median())


def rate_of_epoch(loader: Loader) -> float:
    """Images per second."""
    begun = time.perf_counter()
    for _ in loader:
        pass
    return loader.source.num_images / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
