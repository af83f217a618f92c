#!/usr/bin/env python3
"""What the loader costs for each image besides decoding: the processor time of its own threads.

python3 benchmarks/serial.py DATASET [--levels 2,10] [--batch_sizes 64,256] [--rounds 5]

However many cores decode, there is one thread of each kind: the user's (`main`), one that begins
batches, one that makes tensors of them, and one that reads records. Their time, in microseconds of
processor time for each image, bounds what any number of cores can reach. Only the thread of records
works without the interpreter's lock for most of its time. `decoding` is the rest of the process. The
rounds are interleaved; the table has medians of whole epochs, the first one left out.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pandas as pd
from machine import describe

from pcr import Dataset, Loader
from pcr.loading import read_ahead

MAIN = "main"
KINDS = (MAIN, "pcr-tensors", "pcr-batches", "pcr-records")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--levels", default="2,10")
    parser.add_argument("--batch_sizes", default="64,256")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    dataset = Dataset(arguments.dataset)
    print(describe("torch", "numpy"))
    print(f"{dataset!r}: {len(dataset)} images, {len(dataset.records)} records")
    cases = [
        (int(level), int(batch_size))
        for level in arguments.levels.split(",")
        for batch_size in arguments.batch_sizes.split(",")
    ]
    loaders = {case: Loader(dataset, case[1], case[0]) for case in cases}
    rounds = range(arguments.rounds + 1)
    rows = [{"case": case, **measure(loaders[case])} for _ in rounds for case in cases]
    table = pd.DataFrame(rows[len(cases) :]).groupby("case").median()
    table.index = pd.MultiIndex.from_tuples(table.index, names=["level", "batch_size"])
    print(table.to_string(float_format="{:.2f}".format))


def measure(loader: Loader) -> dict[str, float]:
    """Microseconds of each kind of thread for an image, in one epoch."""
    images, begun_seconds = 0, time.process_time()
    with timed_threads() as cpu_seconds:
        for _, labels in loader:
            images += len(labels)
    all_seconds = time.process_time() - begun_seconds
    kinds = {kind: 1e6 * cpu_seconds[kind] / images for kind in KINDS}
    own = sum(kinds.values())
    return {**kinds, "together": own, "decoding": 1e6 * all_seconds / images - own}


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
        seconds[MAIN] = time.thread_time() - begun


if __name__ == "__main__":
    main()
