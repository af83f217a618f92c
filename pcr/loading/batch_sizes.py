"""The sizes of a rank's batches, by arithmetic: an epoch may have millions of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload


def span_of(images: int, part: int, parts: int) -> tuple[int, int]:
    """The half-open n-th of ``parts`` spans of ``images``, whose sizes differ by at most 1."""
    return images * part // parts, images * (part + 1) // parts


@dataclass(frozen=True)
class BatchSizes(Sequence[int]):
    """How many images each of a share's batches has: full ones first, then the rest.

    A share that fills fewer than ``batches`` (another rank's has an image more) keeps one image for
    each of the last batches, so that every rank has as many batches, and none is empty where the
    share allows it. With fewer images than batches, the last ones are empty.
    """

    images: int
    batches: int
    batch_size: int

    @classmethod
    def of_share(
        cls, images: int, shares: Sequence[int], batch_size: int, *, drop_last: bool
    ) -> BatchSizes:
        """Those of a share of ``images`` beside all ranks' ``shares``.

        ``drop_last``: only full batches, as many as the smallest share has.
        """
        if drop_last:
            batches = min(shares) // batch_size
            return cls(batches * batch_size, batches, batch_size)
        return cls(images, -(-max(shares) // batch_size), batch_size)

    def drawn(self, batches: int) -> int:
        """How many images the first ``batches`` have together."""
        kept = self.batches - batches  # one image for each batch that follows
        most = max(self.images - kept, min(batches, self.images))
        return min(batches * self.batch_size, most)

    def __len__(self) -> int:
        return self.batches

    @overload
    def __getitem__(self, batch: int) -> int: ...
    @overload
    def __getitem__(self, batch: slice) -> list[int]: ...
    def __getitem__(self, batch: int | slice) -> int | list[int]:
        if isinstance(batch, slice):
            return [self[number] for number in range(self.batches)[batch]]
        number = range(self.batches)[batch]
        return self.drawn(number + 1) - self.drawn(number)

    def from_batch(self, first: int) -> Iterator[int]:
        """The sizes from batch ``first`` on."""
        return (self[number] for number in range(first, self.batches))

    def __iter__(self) -> Iterator[int]:
        return self.from_batch(0)
