"""Batches without loading: the speed of a trainer that never waits for storage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pcr.loading.source import JpegSource
from pcr.train.batches import Batches
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes


@dataclass
class RepeatedBatch:
    """As many batches as the source has, of the same sizes, all with the images of a single one."""

    source: JpegSource
    images: Tensor
    labels: Tensor
    wait_seconds: float = 0.0

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self.source)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch."""
        for size in self.source.batch_sizes:
            yield self.images[:size], self.labels[:size]


def synthetic_batches(data: Batches, config: TrainConfig, processes: Processes) -> Batches:
    """The data, or what ``synthetic_loader`` and ``synthetic_training`` put in its place."""
    if config.synthetic_loader:
        return RepeatedBatch(data.source, *random_batch(data.source, config, processes.device))
    if config.synthetic_training:
        return RepeatedBatch(data.source, *next(iter(data)))
    return data


def random_batch(
    source: JpegSource, config: TrainConfig, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W), float32, of noise, and labels (N,), int64, of the source's classes."""
    images = torch.randn(config.batch_size, 3, config.crop_size, config.crop_size, device=device)
    if config.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    return images, torch.randint(len(source.classes), (config.batch_size,), device=device)
