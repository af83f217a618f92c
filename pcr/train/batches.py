"""What the trainer asks of a source of batches, whoever decodes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor

from pcr.errors import DatasetError
from pcr.train.config import TrainConfig


class Batches(Protocol):
    """One process's share of the batches of a data set, one epoch per `iter()`, every image once in each.

    All processes have as many batches; where there are not images enough for that, a batch is empty.
    """

    n_scans: int | None  # levels of what is read from now on; None: the data has no levels
    wait_seconds: float  # that the consumer has waited for batches, so far

    @property
    def classes(self) -> list[str]:
        """Class names; the position is the label."""

    @property
    def total_images(self) -> int:
        """Images per epoch, of all processes."""

    @property
    def levels(self) -> int | None:
        """Levels that the data has."""

    @property
    def bytes_read(self) -> int:
        """Bytes read from storage, so far."""

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
    names = train.classes
    if names != val.classes:
        only_train = sorted(set(names) - set(val.classes))
        only_val = sorted(set(val.classes) - set(names))
        raise DatasetError(
            f"{config.val_dir}: expected the {len(names)} classes of {config.train_dir}, "
            f"found {len(val.classes)} (only in training: {_some(only_train)}; "
            f"only in validation: {_some(only_val)})"
        )


def _some(names: list[str], limit: int = 3) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "none") + more
