"""What the trainer asks of batches, whoever decodes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor

from pcr.loading.source import JpegSource


class Batches(Protocol):
    """One process's share of the batches of a data set: each `iter()` gives every image once.

    All processes have equally many batches; with too few images for that, a batch is empty.
    """

    source: JpegSource  # what is decoded: its classes, levels, number of images, bytes read

    @property
    def wait_seconds(self) -> float:
        """How long the consumer has waited for batches so far."""

    def __len__(self) -> int:
        """Batches per epoch."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images, float32 (N, 3, H, W), and labels, int64 (N,), on the run's device."""


class ResumableBatches(Batches, Protocol):
    """Batches that can be continued after any of them, by another run."""

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""

    def set_epoch(self, epoch: int) -> None:
        """Start with this epoch; before the first `iter()`."""

    def state_dict(self) -> dict[str, Any]:
        """Where the data stands after the last batch delivered, in plain values and tensors."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after that batch; before the first `iter()`."""

    def close(self) -> None:
        """Stop reading."""


class WrappedBatches:
    """Batches of others; a subclass says what `iter()` makes of them."""

    def __init__(self, batches: ResumableBatches) -> None:
        self._batches = batches
        self.source = batches.source

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._batches.epoch

    @property
    def wait_seconds(self) -> float:
        """How long the consumer has waited for batches so far."""
        return self._batches.wait_seconds

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The rest of an epoch."""
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
