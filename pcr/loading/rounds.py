"""Rounds: the images of one rank's lanes as they are drawn, and the records to read for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pcr.lazy import lazy
from pcr.loading.lanes import Lane, Lanes, Span
from pcr.loading.order import EpochOrder, Images, Turn


@dataclass(frozen=True, eq=False)
class Part:
    """Images ``low`` … ``high`` - 1 of a stream's turn, and what they change in memory.

    reads: the records to read before. forget: those of which the lane has no image after.
    """

    turn: Turn
    low: int
    high: int
    reads: tuple[int, ...] = ()
    forget: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Round:
    """The images that are drawn between two reads.

    reads: the records to read before this round: one, none in the last rounds, several where a
    stopped epoch is resumed and where lanes begin. forget: the records of which no image comes
    after this round. Which images they are is worked out when that is asked for.
    """

    parts: tuple[tuple[int, Part], ...]
    reads: tuple[int, ...]
    forget: tuple[int, ...]

    def __len__(self) -> int:
        return sum(part.high - part.low for _, part in self.parts)

    @property
    def records(self) -> NDArray[np.int64]:
        """Shape (n,), in the order in which the images are drawn."""
        return self.drawn[0]

    @property
    def images(self) -> NDArray[np.int64]:
        """Positions in the records, of shape (n,)."""
        return self.drawn[1]

    @lazy
    def drawn(self) -> Images:
        """Of each image its record, its position there, and how often it came before."""
        if not self.parts:
            return np.empty((3, 0), dtype=np.int64)
        drawn = [part.turn.images[:, part.low : part.high] for _, part in self.parts]
        if len(drawn) == 1:
            return drawn[0]
        places = [np.arange(first, first + part.high - part.low) for first, part in self.parts]
        # Stable: of the lanes that have drawn as much, the first one comes first.
        return np.concatenate(drawn, axis=1)[:, np.argsort(np.concatenate(places), kind="stable")]


@dataclass(frozen=True)
class ShareOrder:
    """One rank's share of an epoch: what is left of its lanes, the farthest behind first."""

    order: EpochOrder
    lanes: Lanes

    def __len__(self) -> int:
        return sum(lane.left for lane in self.lanes)

    def rounds(self) -> Iterator[Round]:
        """The share in the order in which it is drawn. Each record is in memory once."""
        memory = _Memory()
        readers = [_LaneReader(self.order, lane, memory) for lane in self.lanes if lane.left]
        while readers:
            reads = tuple(record for reader in readers for record in reader.begin_turn())
            stop = min(reader.end for reader in readers)
            parts = tuple(reader.take(stop) for reader in readers if reader.position < stop)
            forget = tuple(record for reader in readers for record in reader.end_turn())
            yield Round(parts, reads, forget)
            readers = [reader for reader in readers if reader.left]


class _Memory:
    """Which records are in memory, and how many pieces of lanes need each of them."""

    def __init__(self) -> None:
        self.present: set[int] = set()
        self.needs: Counter[int] = Counter()

    def read(self, record: int) -> bool:
        """Whether a record that is needed has to be read."""
        found = record in self.present
        self.present.add(record)
        return not found

    def release(self, record: int) -> bool:
        """Whether a record that one piece needs no longer can be forgotten."""
        self.needs[record] -= 1
        if self.needs[record] > 0:
            return False
        self.present.discard(record)
        return True


@dataclass
class _LaneReader:
    """A lane that is being drawn, turn by turn."""

    order: EpochOrder
    lane: Lane
    memory: _Memory
    position: int = 0
    end: int = 0  # of the turn
    part: Part | None = None
    awaited: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        spans = self.lane.rest()
        self.position = self.end = self.lane.drawn
        self.parts = chain.from_iterable(_parts(self.order, span) for span in spans)
        # What the lane ends with, another one may have in memory already: it stays until then.
        self.awaited.update(_last_records(self.order, spans[-1]))
        self.memory.needs.update(self.awaited)

    @property
    def left(self) -> int:
        return self.lane.images - self.position

    def begin_turn(self) -> list[int]:
        """Go to the next turn where one is over; the records to read for it."""
        if self.position < self.end or self.part is not None:
            return []
        self.part = next(self.parts)
        self.end = self.position + self.part.high - self.part.low
        for record in self.part.reads:
            if self.awaited[record]:
                self.awaited[record] -= 1
            else:
                self.memory.needs[record] += 1
        return [record for record in self.part.reads if self.memory.read(record)]

    def take(self, stop: int) -> tuple[int, Part]:
        """The images of the turn up to position ``stop``, and where they begin."""
        assert self.part is not None
        first, self.position = self.position, stop
        high = self.part.high - (self.end - stop)
        return first, Part(self.part.turn, high - (stop - first), high)

    def end_turn(self) -> list[int]:
        """The records to forget where a turn is over."""
        if self.position < self.end or self.part is None:
            return []
        over, self.part = self.part, None
        return [record for record in over.forget if self.memory.release(record)]


def _parts(order: EpochOrder, span: Span) -> Iterator[Part]:
    """The turns of a stream as far as they lie in a span. What is not needed is not read."""
    end, held, unread = 0, [], []  # type: tuple[int, list[int], list[int]]
    for turn in order.turns(span.stream):
        begin, end = end, end + len(turn)
        held += turn.reads
        unread += turn.reads
        if end <= span.first:
            for record in turn.forget:
                held.remove(record)
                unread.remove(record)
            continue
        is_last = end >= span.stop
        yield Part(
            turn,
            max(span.first - begin, 0),
            min(span.stop - begin, len(turn)),
            tuple(unread),
            tuple(held) if is_last else turn.forget,
        )
        if is_last:
            return
        unread = []
        for record in turn.forget:
            held.remove(record)


def _last_records(order: EpochOrder, span: Span) -> list[int]:
    """The record that a stream ends with, as often as the stream has a piece of it."""
    if span.stop < order.stream_length(span.stream):
        return []
    last = next(order.pieces(span.stream, backwards=True))
    first = next(order.pieces(span.stream))
    # The circle may have been cut in a record so large that a stream has both of its ends.
    has_both = first.record == last.record and first.low != last.low and span.first == 0
    return [last.record] * (2 if has_both else 1)
