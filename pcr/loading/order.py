"""The order of an epoch: which image of which record comes when.

Knows nothing of files, ranks or batches. The order is a function of (seed, epoch), the records'
sizes and the number of canonical streams.

Records come in a new order each epoch, and images in a new order within each record; laid end to
end they make one sequence, which is cut into equal spans, the streams. Every second stream runs
through its span from the end, so that the two streams that share a record need it at the same
time. Within its span a stream mixes a sliding window of records: each record's images are dealt
over as many consecutive turns as the window holds records, and each turn is shuffled. So a record
is in memory for that many turns and no longer, and one record is read per turn.

Records differ in size, so that some care makes every image equally likely at the ends of a stream:
with several streams the sequence is a circle that is cut at a random image; a single stream begins
and ends with records that are drawn in proportion to their sizes, for it would have to read a
record twice that lies at a cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least
from pcr.lazy import lazy
from pcr.loading.batch_sizes import span_of
from pcr.loading.selection import Drawn, Selection

Images = NDArray[np.int64]
"""int64 of shape (3, n): numbers of records, positions in them, how often the image came before."""


@dataclass(frozen=True, eq=False)
class EpochOrder:
    """The order of one epoch, stream by stream.

    record_sizes: of whole records. selection: which of their images are drawn; None: each once.
    """

    record_sizes: Sequence[int] | NDArray[np.int64]
    seed: int = 0
    epoch: int = 0
    shuffle: bool = True
    shuffle_buffer_records: int = 2
    canonical_streams: int = 1
    selection: Selection | None = None

    def __post_init__(self) -> None:
        check_at_least(0, seed=self.seed)
        check_at_least(1, shuffle_buffer_records=self.shuffle_buffer_records)
        check_at_least(1, canonical_streams=self.canonical_streams)

    @lazy
    def sizes(self) -> NDArray[np.int64]:
        """How many images are drawn of each record."""
        drawn = self._drawn
        return np.asarray(self.record_sizes, dtype=np.int64) if drawn is None else drawn.sizes

    @lazy
    def _drawn(self) -> Drawn | None:
        return None if self.selection is None else self.selection.draw(self.random(4))

    @lazy
    def _images(self) -> int:
        return int(self.sizes.sum()) if self.selection is None else len(self.selection)

    def __len__(self) -> int:
        return self._images

    def stream_length(self, stream: int) -> int:
        """How many images a stream has."""
        first, stop = span_of(len(self), stream, self.canonical_streams)
        return stop - first

    def turns(self, stream: int) -> Iterator[Turn]:
        """A stream in the order in which it is drawn."""
        window = self.shuffle_buffer_records if self.shuffle else 1
        held: deque[Piece | None] = deque([None] * window, maxlen=window)
        for number, piece in enumerate(chain(self.pieces(stream), [None] * (window - 1))):
            held.appendleft(piece)
            yield Turn(self, stream, number, tuple(held))

    def pieces(self, stream: int, *, backwards: bool = False) -> Iterator[Piece]:
        """The records that overlap a stream, as it comes to them, or the last one first."""
        (records, starts, cut), sizes = self._sequence, self.sizes
        first, stop = (cut + end for end in span_of(len(self), stream, self.canonical_streams))
        begin = int(np.searchsorted(starts, first, "right")) - 1
        places = range(begin, int(np.searchsorted(starts, stop, "left")))
        from_end = self.shuffle and stream % 2 == 1
        for place in reversed(places) if from_end != backwards else places:
            record, start = int(records[place]), int(starts[place])
            low, high = max(first - start, 0), min(stop - start, int(sizes[record]))
            if low < high:
                yield Piece(self, record, low, high)

    @lazy
    def _sequence(self) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """The records in order, where each begins, and where in the first one the streams begin.

        The first record comes again at the end, for its images before the cut.
        """
        records, cut = np.arange(len(self.sizes)), 0
        if self.shuffle and len(self):
            random = self.random(0)
            random.shuffle(records)
            _swap_in(records, 0, _by_size(random, self.sizes))
            if self.canonical_streams > 1:
                cut = int(random.integers(self.sizes[records[0]]))
            elif self.sizes[records[1:]].any():
                others = self.sizes.copy()
                others[records[0]] = 0
                _swap_in(records, -1, _by_size(random, others))
        records = np.append(records, records[:1])
        starts = np.cumsum(self.sizes[records]) - self.sizes[records]
        return records, starts, cut

    def images_of(self, record: int) -> NDArray[np.int64]:
        """Shape (2, n): positions in a record, and how often the image came before."""
        if self._drawn is not None:
            return self._drawn.of_record(record)
        positions = np.arange(self.sizes[record])
        return np.stack([positions, np.zeros_like(positions)])

    def level_random(self, record: int) -> np.random.Generator:
        """A generator for the level at which a record is read."""
        return self.random(3, record)

    def random(self, *purpose: int) -> np.random.Generator:
        """A generator for one purpose; SeedSequence keeps the purposes apart."""
        return np.random.Generator(np.random.PCG64([self.seed, self.epoch, *purpose]))


@dataclass(frozen=True, eq=False)
class Piece:
    """The images of one record that belong to one stream: a span of the record's own order."""

    order: EpochOrder
    record: int
    low: int
    high: int

    def dealt(self, age: int, window: int) -> range:
        """The images that come ``age`` turns after the record was read, as places in `images`."""
        return range(age, self.high - self.low, window)

    @lazy
    def images(self) -> NDArray[np.int64]:
        """As of `EpochOrder.images_of`; made when the first is needed, not when turns are planned."""
        images = self.order.images_of(self.record)
        if self.order.shuffle:
            images = images[:, self.order.random(2, self.record).permutation(images.shape[1])]
        return images[:, self.low : self.high]


@dataclass(frozen=True, eq=False)
class Turn:
    """The images that a stream draws between two of its records.

    pieces: what the window holds, the newest first.
    """

    order: EpochOrder
    stream: int
    number: int
    pieces: tuple[Piece | None, ...]

    @property
    def reads(self) -> tuple[int, ...]:
        """The record to read before the turn, if any."""
        return _record(self.pieces[0])

    @property
    def forget(self) -> tuple[int, ...]:
        """The record of which the stream has no image after the turn, if any."""
        return _record(self.pieces[-1])

    def __len__(self) -> int:
        return sum(len(places) for _, places in self._dealt())

    @lazy
    def images(self) -> Images:
        """In the order in which they are drawn."""
        dealt = [
            np.insert(piece.images[:, places.start :: places.step], 0, piece.record, axis=0)
            for piece, places in self._dealt()
        ]
        drawn = np.concatenate(dealt, axis=1)
        if not self.order.shuffle:
            return drawn
        return drawn[:, self.order.random(1, self.stream, self.number).permutation(drawn.shape[1])]

    def _dealt(self) -> Iterator[tuple[Piece, range]]:
        for age, piece in enumerate(self.pieces):
            if piece is not None:
                yield piece, piece.dealt(age, len(self.pieces))


def _record(piece: Piece | None) -> tuple[int, ...]:
    return () if piece is None else (piece.record,)


def _by_size(random: np.random.Generator, sizes: NDArray[np.int64]) -> int:
    """A record, drawn in proportion to its size."""
    ends = np.cumsum(sizes)
    return int(np.searchsorted(ends, random.integers(ends[-1]), side="right"))


def _swap_in(records: NDArray[np.int64], place: int, record: int) -> None:
    """Put a record at a place, and what was there where the record was."""
    records[records == record], records[place] = records[place], record
