"""Epochs as ranks draw them, without files: for tests of the order and of changes of ranks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from pcr.loading.lanes import Division, Lanes, lanes_of
from pcr.loading.order import EpochOrder
from pcr.loading.rounds import ShareOrder

Image = tuple[int, int]
"""A record's number, and a position in it."""


def images_of(share: ShareOrder) -> list[Image]:
    return [
        pair
        for drawn in share.rounds()
        for pair in zip(drawn.records.tolist(), drawn.images.tolist(), strict=True)
    ]


def whole(order: EpochOrder, rank: int = 0, world_size: int = 1) -> ShareOrder:
    """A rank's share of an epoch."""
    return ShareOrder(order, Division.of(lanes_of(order), world_size, 1, False).block(rank))


def everything(sizes: tuple[int, ...]) -> Counter[Image]:
    return Counter((record, image) for record, size in enumerate(sizes) for image in range(size))


@dataclass(frozen=True)
class Epoch:
    """What is left of an epoch."""

    order: EpochOrder
    lanes: Lanes

    @classmethod
    def begin(cls, order: EpochOrder) -> Epoch:
        return cls(order, lanes_of(order))

    def run(
        self, world_size: int, batch_size: int, batches: int | None = None
    ) -> tuple[list[list[list[Image]]], Epoch]:
        """Each rank's batches, all that are left or so many, and the epoch after them."""
        division = Division.of(self.lanes, world_size, batch_size, False)
        ranks = [self._batches(division, rank, batches) for rank in range(world_size)]
        return ranks, replace(self, lanes=division.after(len(ranks[0])))

    def _batches(self, division: Division, rank: int, batches: int | None) -> list[list[Image]]:
        drawn = iter(images_of(ShareOrder(self.order, division.block(rank))))
        sizes = list(division.batch_sizes(rank))[:batches]
        return [[next(drawn) for _ in range(size)] for size in sizes]


def global_batches(ranks: list[list[list[Image]]]) -> list[set[Image]]:
    """What all ranks draw in each step."""
    return [{image for batch in step for image in batch} for step in zip(*ranks, strict=True)]
