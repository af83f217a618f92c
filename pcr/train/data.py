"""Where batches come from: a PCR dataset or an ImageFolder, decoded by our own loader or DALI."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from pcr.dataset.reader import Dataset, holds_dataset
from pcr.imagefolder import ImageFolder
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.in_memory_batches import InMemoryBatches
from pcr.loading.iterator import PCRIterator
from pcr.loading.loader import TensorLoader
from pcr.loading.source import JpegSource
from pcr.loading.windows import (
    PAPER_RATIO,
    PAPER_SCALE,
    EvalTransform,
    TrainTransform,
    Transform,
)
from pcr.storage.location import Location, local_path
from pcr.train.batches import ResumableBatches
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes
from pcr.train.scheduled_batches import ScheduledBatches


def choose_loader(device: torch.device) -> str:
    """What `auto` stands for: DALI on a GPU where it is installed, otherwise our own."""
    on_gpu = device.type == "cuda" and find_spec("nvidia") and find_spec("nvidia.dali")
    return "dali" if on_gpu else "native"


def train_batches(config: TrainConfig, processes: Processes) -> ResumableBatches:
    """This process's share of the training data, a PCR dataset or an ImageFolder."""
    if config.trains_on_dataset:
        chosen = _order(config) | _choice(config)
        source: JpegSource = records(config, processes, config.train_dir, **chosen)
    else:
        source = files(config, processes, config.train_dir, **_order(config))
    sizes = config.image_sizes
    if len(sizes.changes) == 1:
        return decoded(source, config, processes, sizes.last)
    return ScheduledBatches(lambda size: decoded(source, config, processes, size), sizes)


def _order(config: TrainConfig) -> dict[str, Any]:
    return {"seed": config.base_seed, "canonical_streams": config.canonical_streams}


def _choice(config: TrainConfig) -> dict[str, Any]:
    return {"subset": config.subset, "class_balanced": config.class_balanced}


def in_memory_batches(
    dataset: Dataset, config: TrainConfig, processes: Processes, epoch: int, batches: int
) -> InMemoryBatches:
    """So many batches of this process's share of the records, to compare at several levels."""
    # From as few records as possible: all their levels are read.
    few = {"shuffle_buffer_records": 1, "concurrent_reads": 1}
    source = _share(dataset, config, processes, **_order(config), **_choice(config), **few)
    return InMemoryBatches(source, epoch, batches)


def records(
    config: TrainConfig, processes: Processes, location: Location, **order: Any
) -> PCRIterator:
    """This process's share of a PCR dataset."""
    dataset = Dataset(location, cache=config.cache, cache_limit=config.cache_limit)
    return _share(dataset, config, processes, concurrent_reads=config.concurrent_reads, **order)


def _share(
    dataset: Dataset, config: TrainConfig, processes: Processes, **reading: Any
) -> PCRIterator:
    return PCRIterator(
        dataset,
        config.batch_size,
        rank=processes.rank,
        world_size=processes.world_size,
        **reading,
    )


def files(
    config: TrainConfig, processes: Processes, location: Location, **order: Any
) -> FileIterator:
    """This process's share of an ImageFolder."""
    return FileIterator(
        ImageFolder.scan(local_path(location)),
        config.batch_size,
        rank=processes.rank,
        world_size=processes.world_size,
        only_jpegs=_is_native(config),
        **order,
    )


def decoded(
    source: JpegSource, config: TrainConfig, processes: Processes, size: int
) -> ResumableBatches:
    """What a source reads, with the crops, ``size`` pixels wide and high, and flips of training."""
    if _is_native(config):
        transform = TrainTransform(size, PAPER_SCALE, PAPER_RATIO)
        return _native_batches(source, config, processes, transform)
    # Only here: a run with our own loader needs no DALI.
    from pcr.train import dali_batches as dali

    return dali.train_batches(source, config, processes, size)


def validation_batches(config: TrainConfig, processes: Processes) -> ResumableBatches:
    """This process's share of the validation data, always in the same order.

    It is a PCR dataset, read at full fidelity, or an ImageFolder.
    """
    open_source = records if holds_dataset(config.val_dir) else files
    source = open_source(config, processes, config.val_dir, shuffle=False)
    if _is_native(config):
        transform = EvalTransform(config.crop_size, config.resize_size)
        return _native_batches(source, config, processes, transform)
    from pcr.train import dali_batches as dali

    return dali.validation_batches(source, config, processes)


def _is_native(config: TrainConfig) -> bool:
    return config.loader == "native"


def _native_batches(
    source: JpegSource, config: TrainConfig, processes: Processes, transform: Transform
) -> TensorLoader:
    options = DecodeOptions(
        transform=transform,
        num_threads=config.workers,
        layout="channels_last" if config.channels_last else "NCHW",
        device=processes.device,
    )
    return TensorLoader(source, options)
