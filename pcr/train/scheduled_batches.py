"""ScheduledBatches: batches whose images have another size from some epochs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from pcr.train.batches import ResumableBatches
from pcr.train.epoch_schedule import EpochSchedule


class ScheduledBatches:
    """Batches of one source, decoded anew where the schedule says so."""

    def __init__(self, make: Callable[[int], ResumableBatches], sizes: EpochSchedule) -> None:
        """`make` decodes the source into images of so many pixels; `sizes` has those of each epoch."""
        self._make, self._sizes = make, sizes
        self._size = sizes.at(0)
        self._batches = make(self._size)
        self._waited_seconds = 0.0
        self.source = self._batches.source

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._batches.epoch

    @property
    def wait_seconds(self) -> float:
        """How long the consumer has waited for batches so far."""
        return self._waited_seconds + self._batches.wait_seconds

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The rest of an epoch, at its size."""
        self._resize(self._sizes.at(self.epoch))
        return iter(self._batches)

    def set_epoch(self, epoch: int) -> None:
        """Start with this epoch."""
        self._batches.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the data stands."""
        return self._batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue there."""
        self._batches.load_state_dict(state)

    def close(self) -> None:
        """Stop reading."""
        self._batches.close()

    def _resize(self, size: int) -> None:
        if size == self._size:
            return
        position = self._batches.state_dict()
        self._waited_seconds += self._batches.wait_seconds
        self._batches.close()
        self._batches, self._size = self._make(size), size
        self._batches.load_state_dict(position)
