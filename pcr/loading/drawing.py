"""Drawing: what decides which batches come, and how an epoch is divided among the ranks there are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pcr.arguments import check_at_least
from pcr.loading.lanes import Division, Lanes, lanes_of
from pcr.loading.order import EpochOrder
from pcr.loading.ranks import Ranks


@dataclass(frozen=True)
class Drawing:
    """What decides which batches come. The order's own `epoch` is not used.

    ranks: which share of how many. canonical_streams: of the order; None: as many as there are
    ranks when a run begins, which its states keep.
    """

    order: EpochOrder
    ranks: Ranks
    batch_size: int
    drop_last: bool = False
    canonical_streams: int | None = None

    def __post_init__(self) -> None:
        check_at_least(1, batch_size=self.batch_size)
        if self.canonical_streams is not None:
            check_at_least(1, canonical_streams=self.canonical_streams)

    @property
    def streams(self) -> int:
        """The number of canonical streams, as of now."""
        return self.canonical_streams or self.ranks.of_reader()[1]

    def order_of(self, epoch: int) -> EpochOrder:
        """The order of one epoch."""
        return replace(self.order, epoch=epoch, canonical_streams=self.streams)

    def divided(self, lanes: Lanes | None = None) -> Division:
        """The lanes, or those of a whole epoch, as the ranks draw them."""
        _, world_size = self.ranks.of_reader()
        lanes = lanes_of(self.order_of(0)) if lanes is None else lanes
        return Division.of(lanes, world_size, self.batch_size, self.drop_last)
