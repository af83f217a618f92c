#!/usr/bin/env python3
"""What an image costs at each level, the rate which that allows, and the rate that was measured.

    python3 benchmarks/cost_model.py DATASET [--bandwidth_MB_per_s 20] [--latency_ms 0] [--cores 2]
                                     [--trials docs/evidence/bandwidth.csv]

DATASET is a path or URL. Bytes, requests and memory follow from its index. The processor time is
that of this process in an epoch of decoding to 224 x 224: the least of --rounds epochs, since other
programs can only add to it. images/s = min(bandwidth / bytes, cores / processor time, records in
flight x images of a record / latency). --trials: trials of benchmarks/bandwidth.py to compare with.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from machine import describe

from pcr import Dataset, Loader
from pcr.loading.iterator import REMOTE_READS

BUFFER_RECORDS = 2  # the default of shuffle_buffer_records


@dataclass(frozen=True)
class Cost:
    """What an image costs at a level, on average."""

    level: int
    image_bytes: float
    cpu_seconds: float
    held_bytes: float  # the records in memory, those that are read ahead too


def main() -> None:
    """Measure each level, then print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 5, 10])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--bandwidth_MB_per_s", type=float, default=20, help="0: no limit")
    parser.add_argument("--latency_ms", type=float, default=0)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--trials", type=Path)
    arguments = parser.parse_args()
    dataset = Dataset(arguments.dataset)
    print(describe("torch", "obstore"))
    print(
        f"{dataset!r}; {len(dataset.records) / len(dataset) * 1e6:.0f} requests per million images"
    )
    print(
        "| level | bytes | CPU ms | MB held | by bandwidth | by CPU | by latency | images/s | measured | of it |"
    )
    print("|---|" + "---:|" * 9)
    for level in arguments.levels:
        print(row(measure(dataset, level, arguments), dataset, arguments), flush=True)


def measure(dataset: Dataset, level: int, arguments: argparse.Namespace) -> Cost:
    """Of one level."""
    read_bytes = sum(record.prefix_bytes[level] for record in dataset.records)
    held_records = BUFFER_RECORDS + REMOTE_READS
    loader = Loader(dataset, arguments.batch_size, n_scans=level)
    cpu_seconds = min(epoch_cpu_seconds(loader) for _ in range(arguments.rounds))
    return Cost(
        level,
        read_bytes / len(dataset),
        cpu_seconds / len(dataset),
        held_records * read_bytes / len(dataset.records),
    )


def epoch_cpu_seconds(loader: Loader) -> float:
    """The processor time of all threads of this process in one epoch."""
    begun = time.process_time()
    for _ in loader:
        pass
    return time.process_time() - begun


def row(cost: Cost, dataset: Dataset, arguments: argparse.Namespace) -> str:
    """One level: costs, the three limits, the least of them, and what was measured."""
    images_in_flight = REMOTE_READS * len(dataset) / len(dataset.records)
    limits = (
        quotient(arguments.bandwidth_MB_per_s * 1e6, cost.image_bytes),
        arguments.cores / cost.cpu_seconds,
        quotient(images_in_flight, arguments.latency_ms / 1e3),
    )
    predicted = min(limits)
    found = measured(f"pcr:{dataset.info.ladder_name}:{cost.level}", arguments)
    return (
        f"| {cost.level} | {cost.image_bytes:.0f} | {1e3 * cost.cpu_seconds:.3f} | "
        f"{cost.held_bytes / 1e6:.0f} | {' | '.join(f'{limit:.0f}' for limit in limits)} | "
        f"{predicted:.0f} | {found:.0f} | {found / predicted:.2f} |"
    )


def quotient(rate: float, cost: float) -> float:
    """A limit; infinite where nothing limits."""
    return rate / cost if rate and cost else math.inf


def measured(loader: str, arguments: argparse.Namespace) -> float:
    """The median of the trials of a loader at this bandwidth; not a number without any."""
    if arguments.trials is None:
        return math.nan
    trials = pd.read_csv(arguments.trials)
    some = (trials["loader"] == loader) & (trials["bandwidth"] == arguments.bandwidth_MB_per_s)
    return float(trials.loc[some, "images_per_second"].median())


if __name__ == "__main__":
    main()
