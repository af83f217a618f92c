"""How well an epoch's order is shuffled, beside a full shuffle of the same images.

    python benchmarks/shuffle.py [--records 200] [--images 1024] [--streams 8]

Two measures. Distance: how far apart, in an epoch of N images, two images come that are neighbours
in a record, as a part of N (a full shuffle: 1/3 on average). Runs: how long runs of one label are,
where the records are sorted by label, the worst that a converter without shuffling can leave.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pcr.loading.lanes import lanes_of
from pcr.loading.order import EpochOrder
from pcr.loading.rounds import ShareOrder

LABELS = 100


def drawn(order: EpochOrder) -> NDArray[np.int64]:
    """The images of an epoch on one rank, numbered through the dataset: int64 of shape (N,)."""
    first = np.cumsum([0, *order.record_sizes])
    rounds = ShareOrder(order, lanes_of(order)).rounds()
    return np.concatenate([first[one.records] + one.images for one in rounds])


def distance(images: NDArray[np.int64], size: int) -> float:
    """Mean distance of neighbours of a record of ``size`` images, as a part of the epoch."""
    places = np.empty(len(images), dtype=np.int64)
    places[images] = np.arange(len(images))
    return float(np.abs(np.diff(places.reshape(-1, size), axis=1)).mean() / len(images))


def mean_run(labels: NDArray[np.int64]) -> float:
    """Mean length of runs of one label."""
    return len(labels) / (1 + np.count_nonzero(np.diff(labels)))


def orders(options: argparse.Namespace) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Each kind of order by name, and what it draws."""
    sizes = (options.images,) * options.records
    for streams in (1, options.streams):
        for buffer in (1, 2, 4, 8):
            order = EpochOrder(sizes, 1, 0, True, buffer, streams)
            yield f"{streams} streams, shuffle_buffer_records={buffer}", drawn(order)
    yield "full shuffle", np.random.default_rng(1).permutation(sum(sizes))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--images", type=int, default=1024, help="of each record")
    parser.add_argument("--streams", type=int, default=8)
    options = parser.parse_args()
    total = options.records * options.images
    by_label = np.arange(total) * LABELS // total
    mixed = np.random.default_rng(0).permutation(by_label)
    print("| order | distance | run, converter shuffled | run, sorted by label |")
    print("|---|---|---|---|")
    for name, images in orders(options):
        runs = f"{mean_run(mixed[images]):.3f} | {mean_run(by_label[images]):.2f}"
        print(f"| {name} | {distance(images, options.images):.4f} | {runs} |")


if __name__ == "__main__":
    main()
