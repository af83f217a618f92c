"""How a loader of very many records grows: time and memory to open a dataset and to begin an epoch.

Makes an index of records that are not there, all but those that the first batch needs, which are
links to one real record. Run it as a module of its own process: memory is the process's peak.

    python benchmarks/growth.py DATASET_OF_ONE_RECORD EMPTY_FOLDER [--records 100000] [--weights]
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index
from pcr.loading.iterator import PCRIterator


def write_large(source: Path, target: Path, records: int) -> None:
    """An index of so many records like the first of ``source``, and links in place of the files."""
    dataset = Dataset(source)
    record = dataset.records[0]
    info = replace(dataset.info, records=records, images=records * record.images)
    target.mkdir(parents=True)
    write_index(target, info, [record.entry] * records)


def link(source: Path, target: Path, records: list[int]) -> None:
    """Put the record of ``source`` in the place of some of those of ``target``."""
    for number in records:
        (target / layout.record_file(number)).hardlink_to(source / layout.record_file(0))


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print the time of a block, and how far it raised the process's peak of memory."""
    before, start, cpu_start = peak_megabytes(), time.perf_counter(), time.process_time()
    yield
    elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    print(
        f"{what}: {elapsed:.3f} s ({cpu:.3f} s of CPU time), "
        f"peak {peak_megabytes():.0f} MB (before: {before:.0f} MB)"
    )


def peak_megabytes() -> float:
    """The greatest resident size of this process so far, in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    """Write the dataset in another process, then open it here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a dataset of which the first record is repeated")
    parser.add_argument("target", type=Path, help="a folder to make")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--weights", action="store_true", help="draw images by random weights")
    options = parser.parse_args()
    child = os.fork()
    if child == 0:  # so that making the index does not count for this process's peak
        write_large(options.source, options.target, options.records)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("the index could not be written")
    with measured(f"open the index of {options.records} records"):
        source = PCRIterator(options.target, options.batch_size, 1)
    print(f"{source.total_images} images")
    if options.weights:
        weights = np.random.default_rng(0).random(source.total_images)
        with measured("choose images by weight"):
            source = PCRIterator(source.dataset, options.batch_size, 1, weights=weights)
    with measured("plan an epoch up to its first round"):
        rounds = source.share(0).rounds()
        first = next(rounds)
    reads = [*first.reads, *(number for _ in range(4) for number in next(rounds).reads)]
    link(options.source, options.target, reads)
    with measured("first batch"), source:
        next(source)
    with measured("len()"):
        print(f"{len(source)} batches")


if __name__ == "__main__":
    main()
