"""What the trainer asks of a source of batches, whoever decodes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor

from pcr.errors import DatasetError
from pcr.loading.source import JpegSource
from pcr.train.config import TrainConfig


class Batches(Protocol):
    """One process's share of the batches of a data set, one epoch per `iter()`, every image once in each.

    All processes have as many batches; where there are not images enough for that, a batch is empty.
    """

    source: JpegSource  # what is decoded: its classes, levels, number of images, bytes read
    wait_seconds: float  # that the consumer has waited for batches, so far

    def __len__(self) -> int:
        """Batches per epoch."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images, float32 (N, 3, H, W), and labels, int64 (N,), of the rest of the epoch, on the run's device."""

    def set_epoch(self, epoch: int) -> None:
        """Start with this epoch; before the first `iter()`."""

    def state_dict(self) -> dict[str, Any]:
        """Where the data stands after the last batch delivered, in plain values and tensors."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after that batch; before the first `iter()`."""

    def close(self) -> None:
        """Stop reading."""


def check_classes(train: Batches, val: Batches, config: TrainConfig) -> None:
    """Refuse data sets of different classes: their labels would mean different things.

    Raises:
        DatasetError: names what is only in one of them.
    """
    names, others = train.source.classes, val.source.classes
    if names != others:
        only_train = sorted(set(names) - set(others))
        only_val = sorted(set(others) - set(names))
        raise DatasetError(
            f"{config.val_dir}: expected the {len(names)} classes of {config.train_dir}, "
            f"found {len(others)} (only in training: {_some(only_train)}; "
            f"only in validation: {_some(only_val)})"
        )


def _some(names: list[str], limit: int = 3) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "none") + more
