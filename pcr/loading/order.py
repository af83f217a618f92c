"""The order of an epoch: which image of which record comes when, and on which rank.

Knows nothing of files. The order is a function of (seed, epoch) and the records' sizes alone, so
every rank computes the same one and takes its share, and a stopped epoch can be resumed at any
batch.

Records come in a new order each epoch, and images in a new order within each record; laid end to
end they make one sequence, of which rank r of W takes the r-th of W equal spans. A record at a
border is read by two ranks, no image by two. Within its span a rank mixes a sliding window of
records: each record's images are dealt over as many consecutive rounds as the window holds records,
and each round is shuffled. So a record is in memory for that many rounds and no longer, and about
one record is read per round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least
from pcr.errors import UsageError


@dataclass(frozen=True)
class Round:
    """The images that are drawn between two record reads.

    records, images: int64 of shape (n,), in the order in which they are drawn.
    reads: the records to read before this round: one, none in the last rounds, several where a
    stopped epoch is resumed. forget: the records of which no image comes after this round.
    """

    records: NDArray[np.int64]
    images: NDArray[np.int64]
    reads: tuple[int, ...]
    forget: tuple[int, ...]

    def without_first(self, images: int, reads: tuple[int, ...]) -> Round:
        """The round without its first ``images``, with other ``reads``."""
        return Round(self.records[images:], self.images[images:], reads, self.forget)


@dataclass(frozen=True)
class EpochOrder:
    """One rank's share of one epoch.

    Images are int64 record numbers and positions within the record.
    """

    record_sizes: tuple[int, ...]
    seed: int = 0
    epoch: int = 0
    rank: int = 0
    world_size: int = 1
    shuffle: bool = True
    shuffle_buffer_records: int = 2

    def __post_init__(self) -> None:
        check_at_least(1, world_size=self.world_size)
        if not 0 <= self.rank < self.world_size:
            raise UsageError(f"expected 0 to {self.world_size - 1}, found {self.rank}", "rank")
        check_at_least(0, seed=self.seed)
        check_at_least(1, shuffle_buffer_records=self.shuffle_buffer_records)

    @property
    def span(self) -> tuple[int, int]:
        """Where this rank's share begins and ends in the epoch's sequence."""
        return span_of(sum(self.record_sizes), self.rank, self.world_size)

    def __len__(self) -> int:
        first, stop = self.span
        return stop - first

    def rounds(self, skip: int = 0) -> Iterator[Round]:
        """The share in the order in which it is drawn, without its first ``skip`` images.

        Records of which all images are skipped are not read.
        """
        alive: tuple[int, ...] = ()
        for drawn in self._all_rounds():
            alive += drawn.reads
            if skip == 0 or skip < len(drawn.images):
                yield drawn.without_first(skip, alive)
                skip, alive = 0, ()
            else:
                skip -= len(drawn.images)
                alive = tuple(record for record in alive if record not in drawn.forget)

    def _all_rounds(self) -> Iterator[Round]:
        window = self.shuffle_buffer_records if self.shuffle else 1
        pieces = list(self._pieces())
        for turn in range(len(pieces) + window - 1 if pieces else 0):
            records, images = [], []
            for age in range(window):
                if 0 <= turn - age < len(pieces):
                    record, positions = pieces[turn - age]
                    dealt = positions[age::window]
                    records.append(np.full(len(dealt), record, dtype=np.int64))
                    images.append(dealt)
            drawn_records, drawn_images = np.concatenate(records), np.concatenate(images)
            if self.shuffle:
                order = self._random(1, self.rank, turn).permutation(len(drawn_images))
                drawn_records, drawn_images = drawn_records[order], drawn_images[order]
            oldest = turn - window + 1
            yield Round(
                drawn_records,
                drawn_images,
                reads=(pieces[turn][0],) if turn < len(pieces) else (),
                forget=(pieces[oldest][0],) if oldest >= 0 else (),
            )

    def _pieces(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """The records that overlap the span, and the positions of their images that lie in it."""
        first, stop = self.span
        order: Sequence[int] = range(len(self.record_sizes))
        if self.shuffle:
            order = self._random(0).permutation(len(self.record_sizes)).tolist()
        begin = 0
        for record in order:
            size = self.record_sizes[record]
            low, high = max(first - begin, 0), min(stop - begin, size)
            if low < high:
                positions = np.arange(size)
                if self.shuffle:
                    positions = self._random(2, record).permutation(size)
                yield record, positions[low:high]
            begin += size

    def _random(self, *stream: int) -> np.random.Generator:
        """A generator for one purpose; SeedSequence keeps the streams apart."""
        return np.random.Generator(np.random.PCG64([self.seed, self.epoch, *stream]))


def span_of(images: int, rank: int, world_size: int) -> tuple[int, int]:
    """The half-open r-th of ``world_size`` spans of ``images``, whose sizes differ by at most 1."""
    return images * rank // world_size, images * (rank + 1) // world_size


def batch_count(images: int, world_size: int, batch_size: int) -> int:
    """Batches per epoch, the same on every rank: enough for the largest share."""
    largest_share = -(-images // world_size)
    return -(-largest_share // batch_size)


def batch_sizes(share: int, batches: int, batch_size: int) -> list[int]:
    """The sizes of one rank's batches: full ones, then the rest.

    A share that fills fewer batches than ``batches`` (another rank's has one image more) gives its
    last image to the last batch, so that every rank has as many batches, and none is empty where
    the share allows it.
    """
    sizes = []
    for batch in range(batches):
        batches_after = batches - batch - 1
        size = min(batch_size, max(share - batches_after, 0))
        sizes.append(size)
        share -= size
    return sizes
