"""Chooses the lowest fidelity whose gradient points where full fidelity's does (paper, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from pcr.loading.in_memory_batches import InMemoryBatches
from pcr.train.classes import relabelled
from pcr.train.config import TrainConfig
from pcr.train.data import decoded, in_memory_batches
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
    """Compare each level's gradients with those of full fidelity; choose the lowest similar level.

    Every level sees the same batches with the same crops: some of each process's share of the
    epoch, read once. A score is the cosine similarity of a batch's gradients, averaged over the
    batches of all processes.
    """
    held = in_memory_batches(config, processes, state.epoch, config.autotune_batches)
    # Kept in the host's memory, a model's size for each batch.
    full = [one.cpu() for one in gradients(state, config, processes, held, levels)]
    scores = {}
    for level in range(1, levels):
        sums = torch.zeros(2, dtype=torch.float64, device=processes.device)  # of scores, batches
        for one, like in zip(gradients(state, config, processes, held, level), full, strict=True):
            sums += torch.stack(similarity(one, like.to(one.device)))
        score, batches = processes.sum(sums).tolist()
        scores[level] = score / max(batches, 1)
    total_bytes = processes.sum(torch.tensor([held.bytes_read], device=processes.device))
    level = min(
        (k for k, score in scores.items() if score > config.autotune_threshold), default=levels
    )
    return Tuning(scores, level, int(total_bytes))


def similarity(one: Tensor, full: Tensor) -> tuple[Tensor, Tensor]:
    """The cosine similarity of two gradients, and the number of batches they count for.

    That is 1, or 0 for an empty batch, whose gradients are 0. A gradient that overflowed has
    similarity 0.
    """
    score = torch.nan_to_num(cosine_similarity(one.double(), full.double(), dim=0))
    return score, (full != 0).any().double()


def gradients(
    state: TrainState, config: TrainConfig, processes: Processes, held: InMemoryBatches, level: int
) -> Iterator[Tensor]:
    """The gradient, one float32 vector, of each batch's loss at this level.

    Model, optimizer, random numbers and the training data stay as they were.
    """
    held.n_scans = level
    data = relabelled(decoded(held, config, processes), state.classes, processes.device)
    data.set_epoch(state.epoch)
    parameters = [weight for weight in state.model.parameters() if weight.requires_grad]
    with closing(data), undisturbed(state.model, config.base_seed):
        for images, labels in data:
            with state.precision.autocast():
                loss = cross_entropy(state.model(images), labels, reduction="sum")
            parts = torch.autograd.grad(loss * GRADIENT_SCALE, parameters)
            yield torch.cat([part.flatten().float() for part in parts])


@contextmanager
def undisturbed(model: nn.Module, seed: int) -> Iterator[None]:
    """Run the model as in training; afterwards buffers and random numbers are as before."""
    buffers = [buffer.clone() for buffer in model.buffers()]
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
    for buffer, old in zip(model.buffers(), buffers, strict=True):
        buffer.copy_(old)
