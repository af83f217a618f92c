"""What training data must be like for a run, checked before its first step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pcr.errors import UsageError
from pcr.loading.batch_sizes import BatchSizes, span_of
from pcr.storage.location import is_remote
from pcr.train.batches import Batches
from pcr.train.classes import some
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes

# The rules of `Fidelity` for which each of these settings means something.
TUNING_RULES = {
    "autotune_start": ("gradients", "loss"),
    "autotune_batches": ("gradients", "loss"),
    "autotune_freq": ("gradients",),
    "autotune_rule": ("gradients",),
    "autotune_threshold": ("gradients",),
    "autotune_patience": ("loss",),
    "autotune_tolerance": ("loss",),
}


def check_data(data: Batches, config: TrainConfig, processes: Processes) -> None:
    """Warn of settings without effect, and refuse data that this configuration can't be trained on.

    Raises:
        UsageError: what doesn't fit, in one line.
    """
    if config.static_loss_scale is not None and config.precision == "O0":
        processes.warn("`static_loss_scale` has no effect without `fp16`")
    if config.cache and not (is_remote(config.train_dir) or is_remote(config.val_dir)):
        processes.warn("`cache` has no effect without a URL to read from")
    for setting in unused_tuning(config):
        processes.warn(f"`{setting}` has no effect with `n_scans` {config.fidelity}")
    check_levels(data, config)
    check_groups(data.source.classes, config)
    check_last_batch(data.source.total_images, config, processes.world_size)


def unused_tuning(config: TrainConfig) -> Iterator[str]:
    """The settings of choices in training that this run, which chooses otherwise or not, ignores."""
    for setting, rules in TUNING_RULES.items():
        is_given = getattr(config, setting) != getattr(TrainConfig, setting)
        if is_given and config.fidelity.rule not in rules:
            yield setting


def check_levels(data: Batches, config: TrainConfig) -> None:
    """Refuse levels that the data doesn't have.

    Raises:
        UsageError: names the level.
    """
    for level in config.fidelity.levels:
        data.source.n_scans = level


def check_groups(classes: Sequence[str], config: TrainConfig) -> None:
    """Refuse to merge classes that the training data doesn't have: they may be misspelt.

    Raises:
        UsageError: names the unknown classes.
    """
    if unknown := sorted(set(config.class_groups.groups) - set(classes)):
        where = config.train_location
        raise UsageError(
            f"expected only classes of {where}, found others: {some(unknown)}", "merge_classes"
        )


def check_last_batch(images: int, config: TrainConfig, world_size: int) -> None:
    """Refuse a last batch of one image that the model shrinks to one pixel: nothing to normalise.

    Raises:
        UsageError: says what to change.
    """
    spans = (span_of(images, rank, world_size) for rank in range(world_size))
    shares = [stop - first for first, stop in spans]
    last = {
        BatchSizes.of_share(share, shares, config.batch_size, drop_last=False)[-1]
        for share in shares
    }
    smallest = min(size for _, size in config.image_sizes.changes)
    if 1 in last and smallest <= 32:
        raise UsageError(
            f"{config.batch_size} leaves a last batch of one of the {images} images, which batch "
            f"normalisation can't take at image_size {smallest}: change either",
            "batch_size",
        )
