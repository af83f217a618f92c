"""Labels by the names of the classes: data sets may list theirs in different orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from pcr.errors import DatasetError
from pcr.train.batches import ResumableBatches
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes


class RelabelledBatches:
    """Batches whose labels are positions among other classes than those of their source."""

    def __init__(self, batches: ResumableBatches, labels: Tensor) -> None:
        """`labels`, int64 (classes,), has the new label of each of the source's."""
        self.source = batches.source
        self._batches, self._labels = batches, labels

    @property
    def wait_seconds(self) -> float:
        """How long the consumer has waited for batches so far."""
        return self._batches.wait_seconds

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._batches.epoch

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images as they were, and their new labels."""
        return map(self._relabel, self._batches)

    def _relabel(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        return images, self._labels[labels]

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


def labelled(
    batches: ResumableBatches,
    classes: Sequence[str],
    config: TrainConfig,
    processes: Processes,
) -> ResumableBatches:
    """The batches with labels that are positions in `classes`, all of the source's among them."""
    own = config.merged(batches.source.classes)
    if own == tuple(classes[: len(own)]):
        return batches
    position = {name: label for label, name in enumerate(classes)}
    labels = torch.tensor([position[name] for name in own], device=processes.device)
    return RelabelledBatches(batches, labels)


def check_classes(
    names: Sequence[str], where: str, classes: Sequence[str], origin: str, processes: Processes
) -> None:
    """Refuse data with classes that are not those of `origin`; warn of those that it lacks.

    Raises:
        DatasetError: names the unknown classes.
    """
    unknown, missing = sorted(set(names) - set(classes)), sorted(set(classes) - set(names))
    if unknown:
        raise DatasetError(
            f"{where}: expected only classes of {origin}, found others: {_some(unknown)}"
        )
    if missing:
        processes.warn(f"{where}: has no images of these classes of {origin}: {_some(missing)}")


def _some(names: list[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
