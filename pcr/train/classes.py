"""Labels by the names of the classes: data sets may list theirs in different orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pcr.errors import DatasetError
from pcr.train.batches import ResumableBatches, WrappedBatches
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes


class RelabelledBatches(WrappedBatches):
    """Batches whose labels are positions among other classes than those of their source."""

    def __init__(self, batches: ResumableBatches, labels: Tensor) -> None:
        """`labels`, int64 (classes,), has the new label of each of the source's."""
        super().__init__(batches)
        self._labels = labels

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images as they were, and their new labels."""
        return map(self._relabel, super().__iter__())

    def _relabel(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        return images, self._labels[labels]


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
            f"{where}: expected only classes of {origin}, found others: {some(unknown)}"
        )
    if missing:
        processes.warn(f"{where}: has no images of these classes of {origin}: {some(missing)}")


def some(names: list[str], limit: int = 5) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
