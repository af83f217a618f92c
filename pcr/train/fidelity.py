"""The fidelity that chooses itself: the lowest whose gradient points where full fidelity's does (paper, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from pcr.train.batches import Batches
from pcr.train.config import TrainConfig
from pcr.train.data import train_batches
from pcr.train.processes import Processes
from pcr.train.state import TrainState

# Cancels out of a cosine, and keeps small float16 gradients from becoming 0.
GRADIENT_SCALE = 1024.0


@dataclass(frozen=True)
class Tuning:
    """Scores of levels, and the level that they choose."""

    scores: dict[int, float]
    level: int
    bytes_read: int


def tune(state: TrainState, config: TrainConfig, processes: Processes, levels: int) -> Tuning:
    """Compare the loss's gradient at each level with that at full fidelity, and choose the lowest level that is alike.

    Every level sees the same images, cut out alike: the first batches of each process's share of the epoch. A score
    is the cosine similarity of the gradients of their summed loss, averaged over the processes that have images.
    """
    full, bytes_read = gradient(state, config, processes, levels)
    scores = {}
    for level in range(1, levels):
        one, level_bytes = gradient(state, config, processes, level)
        bytes_read += level_bytes
        score = torch.nan_to_num(
            cosine_similarity(one.double(), full.double(), dim=0)
        )  # overflowed: not alike
        sums = processes.sum(torch.stack([score, (full != 0).any().double()]))
        scores[level] = float(sums[0] / sums[1].clamp(min=1))
    total_bytes = processes.sum(torch.tensor([bytes_read], device=processes.device))
    level = min(
        (k for k, score in scores.items() if score > config.autotune_threshold), default=levels
    )
    return Tuning(scores, level, int(total_bytes))


def gradient(
    state: TrainState, config: TrainConfig, processes: Processes, level: int
) -> tuple[Tensor, int]:
    """The gradient, one float32 vector, of the loss summed over the first batches of the epoch at this level.

    Also the bytes that were read for it. Model, optimizer, random numbers and the training data stay as they were.
    """
    data: Batches = train_batches(config, processes)
    data.n_scans = level
    data.set_epoch(state.epoch)
    parameters = [weight for weight in state.model.parameters() if weight.requires_grad]
    total = torch.zeros(sum(weight.numel() for weight in parameters), device=processes.device)
    try:
        with undisturbed(state.model, config.base_seed):
            for images, labels in islice(data, config.autotune_batches):
                with state.precision.autocast():
                    loss = cross_entropy(state.model(images), labels, reduction="sum")
                parts = torch.autograd.grad(loss * GRADIENT_SCALE, parameters)
                total += torch.cat([part.flatten().float() for part in parts])
    finally:
        data.close()
    return total, data.bytes_read


@contextmanager
def undisturbed(model: nn.Module, seed: int) -> Iterator[None]:
    """Run the model as in training; its buffers and torch's random numbers are afterwards what they were."""
    buffers = [buffer.clone() for buffer in model.buffers()]
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
    for buffer, old in zip(model.buffers(), buffers, strict=True):
        buffer.copy_(old)
