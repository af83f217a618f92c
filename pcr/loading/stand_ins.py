"""Which image stands in for those of a batch that has no good one."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Generic, TypeAlias, TypeVar

from pcr.loading.jpeg_batch import JpegBatch

ImageT = TypeVar("ImageT")
_FirstGood: TypeAlias = Callable[[JpegBatch], ImageT | None]


class StandIns(Generic[ImageT]):
    """The first good image of the batches after a bad one, else of the epoch from its beginning.

    So it does not depend on where an epoch was resumed. Batches are read once more to find it.
    """

    def __init__(
        self, read: Callable[[int], Generator[JpegBatch, None, None]], batches: int
    ) -> None:
        """``read(first)`` reads the epoch's ``batches`` from that one on."""
        self._read, self._batches = read, batches
        self._found: ImageT | None = None
        self._until = -1.0  # for batches before this one it is what was found

    def of(self, batch: int, first_good: _FirstGood[ImageT]) -> ImageT | None:
        """What stands in for images of this batch; None where the epoch has no good one.

        ``batch`` does not decrease from call to call. ``first_good`` decodes the first image of a
        batch that can be decoded.
        """
        if batch >= self._until:
            self._found, self._until = self._find(batch, first_good)
        return self._found

    def _find(self, bad: int, first_good: _FirstGood[ImageT]) -> tuple[ImageT | None, float]:
        image, batch = self._first_in(bad + 1, self._batches, first_good)
        if image is not None:
            return image, batch
        image, _ = self._first_in(0, bad, first_good)
        return image, math.inf  # the same for all batches after it

    def _first_in(
        self, first: int, stop: int, first_good: _FirstGood[ImageT]
    ) -> tuple[ImageT | None, int]:
        with closing(self._read(first)) as batches:
            for number in range(first, stop):
                image = first_good(next(batches))
                if image is not None:
                    return image, number
        return None, stop
