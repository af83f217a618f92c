"""What training and validation data must be like for a run, checked before its first step."""

from __future__ import annotations

from pcr.errors import DatasetError, UsageError
from pcr.loading.order import batch_count, batch_sizes, span_of
from pcr.train.batches import Batches
from pcr.train.config import TrainConfig


def check_data(train: Batches, val: Batches, config: TrainConfig, world_size: int) -> None:
    """Refuse data that this configuration can't be trained on.

    Raises:
        DatasetError, UsageError: what doesn't fit, in one line.
    """
    check_classes(train, val, config)
    check_levels(train, config)
    check_last_batch(train.source.total_images, config, world_size)


def check_classes(train: Batches, val: Batches, config: TrainConfig) -> None:
    """Refuse data sets of different classes: their labels would mean different things.

    Raises:
        DatasetError: names the classes that only one of them has.
    """
    names, others = train.source.classes, val.source.classes
    if names != others:
        only_train, only_val = sorted(set(names) - set(others)), sorted(set(others) - set(names))
        raise DatasetError(
            f"{config.val_dir}: expected the {len(names)} classes of {config.train_dir}, "
            f"found {len(others)} (only in training: {_some(only_train)}; "
            f"only in validation: {_some(only_val)})"
        )


def check_levels(data: Batches, config: TrainConfig) -> None:
    """Refuse a schedule of levels that the data doesn't have.

    Raises:
        UsageError: names the level.
    """
    for _, level in config.fidelity.changes:
        data.source.n_scans = level


def check_last_batch(images: int, config: TrainConfig, world_size: int) -> None:
    """Refuse a last batch of one image that the model shrinks to one pixel: nothing to normalise.

    Raises:
        UsageError: says what to change.
    """
    batches = batch_count(images, world_size, config.batch_size)
    spans = (span_of(images, rank, world_size) for rank in range(world_size))
    last = {batch_sizes(stop - first, batches, config.batch_size)[-1] for first, stop in spans}
    if 1 in last and config.crop_size <= 32:
        raise UsageError(
            f"{config.batch_size} leaves a last batch of one of the {images} images, which batch "
            f"normalisation can't take at image_size {config.crop_size}: change either",
            "batch_size",
        )


def _some(names: list[str], limit: int = 3) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "none") + more
