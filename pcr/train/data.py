"""Where batches come from: a PCR dataset or an ImageFolder, decoded by our own loader or DALI."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from pcr.imagefolder import ImageFolder
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.in_memory_batches import InMemoryBatches
from pcr.loading.iterator import PCRIterator
from pcr.loading.loader import TensorLoader
from pcr.loading.source import JpegSource
from pcr.loading.transforms import (
    PAPER_RATIO,
    PAPER_SCALE,
    EvalTransform,
    TrainTransform,
    Transform,
)
from pcr.train.batches import ResumableBatches
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes


def choose_loader(device: torch.device) -> str:
    """What `auto` stands for: DALI on a GPU where it is installed, otherwise our own."""
    on_gpu = device.type == "cuda" and find_spec("nvidia") and find_spec("nvidia.dali")
    return "dali" if on_gpu else "native"


def train_batches(config: TrainConfig, processes: Processes) -> ResumableBatches:
    """This process's share of the training data, a PCR dataset or an ImageFolder."""
    if config.pcr_train:
        return decoded(records(config, processes), config, processes)
    folder = FileIterator(
        ImageFolder.scan(config.train_dir),
        config.batch_size,
        rank=processes.rank,
        world_size=processes.world_size,
        seed=config.base_seed,
        canonical_streams=config.canonical_streams,
        only_jpegs=_is_native(config),
    )
    return decoded(folder, config, processes)


def in_memory_batches(
    config: TrainConfig, processes: Processes, epoch: int, batches: int
) -> InMemoryBatches:
    """So many batches of this process's share of the records, to compare at several levels."""
    # From as few records as possible: all their levels are read.
    source = records(config, processes, shuffle_buffer_records=1, concurrent_reads=1)
    return InMemoryBatches(source, epoch, batches)


def records(config: TrainConfig, processes: Processes, **reading: Any) -> PCRIterator:
    """This process's share of the PCR dataset."""
    return PCRIterator(
        config.train_dir,
        config.batch_size,
        rank=processes.rank,
        world_size=processes.world_size,
        seed=config.base_seed,
        canonical_streams=config.canonical_streams,
        **reading,
    )


def decoded(source: JpegSource, config: TrainConfig, processes: Processes) -> ResumableBatches:
    """What a source reads, with the crops and flips of training."""
    if _is_native(config):
        transform = TrainTransform(config.crop_size, PAPER_SCALE, PAPER_RATIO)
        return _native_batches(source, config, processes, transform)
    # Only here: a run with our own loader needs no DALI.
    from pcr.train import dali_batches as dali

    return dali.train_batches(source, config, processes)


def validation_batches(config: TrainConfig, processes: Processes) -> ResumableBatches:
    """This process's share of the validation ImageFolder, always in the same order."""
    source = FileIterator(
        ImageFolder.scan(config.val_dir),
        config.batch_size,
        rank=processes.rank,
        world_size=processes.world_size,
        shuffle=False,
        only_jpegs=_is_native(config),
    )
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
        layout="NHWC" if config.channels_last else "NCHW",
        device=processes.device,
    )
    return TensorLoader(source, options)
