#!/usr/bin/env python3
"""Where the loader's time goes: microseconds for an image, stage by stage and level by level.

python3 benchmarks/stages.py DATASET [--levels 2,10] [--batch_sizes 64,256] [--size 224] [--rounds 5]

read, checksum: processor time of the thread that reads records, without and with comparing their
checksums. entropy, transform, resample: elapsed time on the threads that decode, all of them
together; other programs on the same cores add to it. python: processor time of the threads that run
Python, of which there is one of each kind however many cores decode: `main`, the user's; `begin`,
which draws batches and begins to decode them; `finish`, which makes tensors of them. So python bounds
what any number of cores can reach, and so do read and checksum with `concurrent_reads=1`. `cpu` is the
processor time of the whole process, `elapsed` the loader's pace. The rounds are interleaved; the table
has medians of whole epochs, the first one left out.

With images of 16 x 16 (`images.py --size 16 16`) and `--size 8` next to nothing is decoded, and batches
come at the rate that many cores would ask for them.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import pandas as pd
from machine import describe

from pcr import Dataset, Loader, TrainTransform
from pcr.extension import native
from pcr.loading import read_ahead

PYTHON = {"main": "main", "begin": "pcr-batches", "finish": "pcr-tensors"}  # names of threads
RECORDS = "pcr-records"


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--levels", default="2,10")
    parser.add_argument("--batch_sizes", default="64,256")
    parser.add_argument("--size", type=int, default=224, help="of an image's side when decoded")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    dataset = Dataset(arguments.dataset)
    print(describe("torch", "numpy"))
    print(repr(dataset))
    cases = [
        (int(level), int(batch_size))
        for level in arguments.levels.split(",")
        for batch_size in arguments.batch_sizes.split(",")
    ]
    transform = TrainTransform(arguments.size)
    loaders = {case: loaders_of(dataset, *case, transform=transform) for case in cases}
    rounds = range(arguments.rounds + 1)
    rows = [{"case": case, **measure(*loaders[case])} for _ in rounds for case in cases]
    table = pd.DataFrame(rows[len(cases) :]).groupby("case").median()
    table.index = pd.MultiIndex.from_tuples(table.index, names=["level", "batch_size"])
    print_stages(table)


def print_stages(table: pd.DataFrame) -> None:
    """A table with a row for each case, turned so that ten cases fit on 80 columns."""
    print(table.T.to_string(float_format=lambda value: f"{value:.{0 if value >= 100 else 1}f}"))


def loaders_of(
    dataset: Dataset, level: int, batch_size: int, **options: Any
) -> tuple[Loader, Loader]:
    """One as users have it, and one that compares no checksums."""
    loader = partial(Loader, dataset, batch_size, level, **options)
    return loader(), loader(verify_checksums=False)


def measure(loader: Loader, unchecked: Loader) -> dict[str, float]:
    """Microseconds of each stage for an image, in one epoch of each loader."""
    epoch_seconds(unchecked)  # after it, there are buffers of the right size
    seconds = epoch_seconds(loader)
    read_seconds = epoch_seconds(unchecked)[RECORDS]
    python = {stage: seconds[thread] for stage, thread in PYTHON.items()}
    stages = {
        "read": read_seconds,
        "checksum": seconds[RECORDS] - read_seconds,
        **{stage: seconds[stage] for stage in ("entropy", "transform", "resample")},
        "python": sum(python.values()),
        **python,
        "cpu": seconds["cpu"],
        "elapsed": seconds["elapsed"],
    }
    return {stage: 1e6 * value / loader.source.num_images for stage, value in stages.items()}


def epoch_seconds(loader: Loader) -> Counter[str]:
    """The time of each thread and of each stage of decoding in an epoch."""
    pools = []

    class WatchedPool(native.DecodePool):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            pools.append(self)

    begun, cpu_begun = time.perf_counter(), time.process_time()
    with patch.object(native, "DecodePool", WatchedPool), timed_threads() as seconds:
        for _ in loader:
            pass
    seconds["elapsed"] = time.perf_counter() - begun
    seconds["cpu"] = time.process_time() - cpu_begun
    for pool in pools:
        seconds.update(pool.stage_seconds())
    return seconds


@contextmanager
def timed_threads() -> Iterator[Counter[str]]:
    """The processor time of this thread in the block, and of the loader's that end in it."""
    seconds: Counter[str] = Counter()
    run = read_ahead._Reader.run

    def timed(thread: read_ahead._Reader) -> None:
        run(thread)
        seconds[thread.name] += time.thread_time()

    with patch.object(read_ahead._Reader, "run", timed):
        begun = time.thread_time()
        yield seconds
        seconds["main"] = time.thread_time() - begun


if __name__ == "__main__":
    main()
