"""What training data must be like for a run, checked before its first step."""

from __future__ import annotations

from pcr.errors import UsageError
from pcr.loading.batch_sizes import BatchSizes, span_of
from pcr.storage.location import is_remote
from pcr.train.batches import Batches
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes


def check_data(data: Batches, config: TrainConfig, processes: Processes) -> None:
    """Warn of settings without effect, and refuse data that this configuration can't be trained on.

    Raises:
        UsageError: what doesn't fit, in one line.
    """
    if config.static_loss_scale is not None and config.precision == "O0":
        processes.warn("`static_loss_scale` has no effect without `fp16`")
    if config.cache and not (is_remote(config.train_dir) or is_remote(config.val_dir)):
        processes.warn("`cache` has no effect without a URL to read from")
    check_levels(data, config)
    check_last_batch(data.source.total_images, config, processes.world_size)


def check_levels(data: Batches, config: TrainConfig) -> None:
    """Refuse a schedule of levels that the data doesn't have.

    Raises:
        UsageError: names the level.
    """
    for level in config.fidelity.levels:
        data.source.n_scans = level


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
    if 1 in last and config.crop_size <= 32:
        raise UsageError(
            f"{config.batch_size} leaves a last batch of one of the {images} images, which batch "
            f"normalisation can't take at image_size {config.crop_size}: change either",
            "batch_size",
        )
