"""Lanes: how the streams of an epoch are divided among ranks, now and after a change of ranks.

A lane is what one rank draws in order: a stream, or spans of several. An epoch begins with one lane
for each canonical stream. Where the number of ranks divides that of lanes, each rank has a block of
neighbouring lanes, and draws from the one that is farthest behind, so that all advance together.
Elsewhere, what is left of the lanes is laid end to end and cut into as many new ones as there are
ranks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import index
from typing import Any, NamedTuple

from pcr.errors import UsageError
from pcr.loading.batch_sizes import BatchSizes, span_of
from pcr.loading.order import EpochOrder


class Span(NamedTuple):
    """Images ``first`` … ``stop`` - 1 of a stream, as it draws them."""

    stream: int
    first: int
    stop: int

    @property
    def images(self) -> int:
        """How many they are."""
        return self.stop - self.first


@dataclass(frozen=True)
class Lane:
    """Spans that are drawn one after another; the first ``drawn`` images are done."""

    spans: tuple[Span, ...]
    drawn: int = 0

    @property
    def images(self) -> int:
        """How many images the lane has, those that are done too."""
        return sum(span.images for span in self.spans)

    @property
    def left(self) -> int:
        """How many images are still to be drawn."""
        return self.images - self.drawn

    def rest(self) -> list[Span]:
        """The spans that are still to be drawn."""
        return _between(self.spans, self.drawn, self.images)


Lanes = tuple[Lane, ...]


def lanes_of(order: EpochOrder) -> Lanes:
    """A lane for each stream of an epoch that begins."""
    lengths = map(order.stream_length, range(order.canonical_streams))
    return tuple(Lane((Span(stream, 0, length),)) for stream, length in enumerate(lengths))


@dataclass(frozen=True)
class Division:
    """Lanes as ``world_size`` ranks draw them, in batches of ``batch_size``."""

    lanes: Lanes
    world_size: int
    batch_size: int
    drop_last: bool = False

    @classmethod
    def of(cls, lanes: Lanes, world_size: int, batch_size: int, drop_last: bool) -> Division:
        """Divide the lanes, or what is left of them where their number does not allow it."""
        if len(lanes) % world_size:
            lanes = cut(lanes, world_size)
        return cls(lanes, world_size, batch_size, drop_last)

    def block(self, rank: int) -> Lanes:
        """The lanes of one rank."""
        size = len(self.lanes) // self.world_size
        return self.lanes[rank * size : (rank + 1) * size]

    def batch_sizes(self, rank: int) -> BatchSizes:
        """The images of each batch of one rank; all ranks have as many batches."""
        shares = [sum(lane.left for lane in self.block(rank)) for rank in range(self.world_size)]
        return BatchSizes.of_share(shares[rank], shares, self.batch_size, drop_last=self.drop_last)

    def block_after(self, rank: int, batches: int) -> Lanes:
        """The lanes of one rank after so many batches."""
        return advanced(self.block(rank), self.batch_sizes(rank).drawn(batches))

    def after(self, batches: int) -> Lanes:
        """All lanes after so many batches."""
        return tuple(
            lane for rank in range(self.world_size) for lane in self.block_after(rank, batches)
        )


def cut(lanes: Lanes, parts: int) -> Lanes:
    """What is left of the lanes, laid end to end and cut into equal parts."""
    spans = [span for lane in lanes for span in lane.rest()]
    images = sum(span.images for span in spans)
    ends = (span_of(images, part, parts) for part in range(parts))
    return tuple(Lane(tuple(_between(spans, first, stop))) for first, stop in ends)


def advanced(block: Lanes, images: int) -> Lanes:
    """The lanes of one rank after it has drawn so many more images from those farthest behind."""
    low, high = 0, max((lane.images for lane in block), default=0)
    while low < high:  # the most images that all lanes can have drawn, or all that they have
        middle = (low + high + 1) // 2
        if sum(_reached(lane, middle) for lane in block) <= images:
            low = middle
        else:
            high = middle - 1
    images -= sum(_reached(lane, low) for lane in block)
    after = []
    for lane in block:
        drawn = lane.drawn + _reached(lane, low)
        if images and drawn == low < lane.images:
            drawn, images = drawn + 1, images - 1
        after.append(replace(lane, drawn=drawn))
    return tuple(after)


def _reached(lane: Lane, position: int) -> int:
    """How many images a lane draws until it has drawn ``position``, or all."""
    return max(min(position, lane.images) - lane.drawn, 0)


def _between(spans: Iterable[Span], first: int, stop: int) -> list[Span]:
    """The images ``first`` … ``stop`` - 1 of spans that are laid end to end."""
    found = []
    spans = list(spans)
    ends = accumulate(span.images for span in spans)
    for span, end in zip(spans, ends, strict=True):
        offset = span.first - (end - span.images)
        one = Span(span.stream, max(first + offset, span.first), min(stop + offset, span.stop))
        if one.images > 0:
            found.append(one)
    return found


def plain(lanes: Lanes) -> dict[str, Any]:
    """Lanes as a state holds them."""
    return {
        "drawn": [lane.drawn for lane in lanes],
        "lanes": [[list(span) for span in lane.spans] for lane in lanes],
    }


def parse(state: dict[str, Any], order: EpochOrder) -> Lanes:
    """The lanes of a state. UsageError where the order can't have such lanes."""
    try:
        spans = [tuple(Span(*map(index, span)) for span in lane) for lane in state["lanes"]]
        lanes = tuple(map(Lane, spans, map(index, state["drawn"])))
        if len(spans) == len(state["drawn"]) and _are_of(lanes, order):
            return lanes
    except KeyError:
        raise UsageError(
            "expected one of this version, found an earlier one's: begin the epoch again",
            "state",
        ) from None
    except (TypeError, ValueError):
        pass
    raise UsageError(
        "expected the lanes of this order, found others: the state is damaged", "state"
    )


def _are_of(lanes: Lanes, order: EpochOrder) -> bool:
    """Whether lanes are what is left of streams, each image once."""
    ends: dict[int, int] = {}
    for stream, first, stop in sorted(span for lane in lanes for span in lane.spans):
        if not 0 <= stream < order.canonical_streams or ends.get(stream, first) != first:
            return False
        if not 0 <= first <= stop:
            return False
        ends[stream] = stop
    whole = all(order.stream_length(stream) == end for stream, end in ends.items())
    return whole and all(0 <= lane.drawn <= lane.images for lane in lanes)
