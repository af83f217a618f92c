"""ScheduledBatches: batches whose images have another size from some epochs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

from pcr.train.batches import ResumableBatches, WrappedBatches
from pcr.train.epoch_schedule import EpochSchedule


class ScheduledBatches(WrappedBatches):
    """Batches of one source, decoded at another size where the schedule says so."""

    def __init__(self, make: Callable[[int], ResumableBatches], sizes: EpochSchedule) -> None:
        """`make` decodes the source into images of so many pixels; `sizes` has those of each epoch."""
        self._make, self._sizes, self._size = make, sizes, sizes.at(0)
        self._waited_seconds = 0.0
        super().__init__(make(self._size))

    @property
    def wait_seconds(self) -> float:
        """How long the consumer has waited for batches so far, of all sizes."""
        return self._waited_seconds + super().wait_seconds

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The rest of an epoch, at its size."""
        self._resize(self._sizes.at(self.epoch))
        return super().__iter__()

    def _resize(self, size: int) -> None:
        if size == self._size:
            return
        position = self.state_dict()
        self._waited_seconds += self._batches.wait_seconds
        self._batches.close()
        self._batches, self._size = self._make(size), size
        self._batches.load_state_dict(position)
