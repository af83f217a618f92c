"""Chooses the lowest fidelity whose gradient points where full fidelity's does (paper, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from pcr.dataset.reader import Dataset
from pcr.loading.in_memory_batches import InMemoryBatches
from pcr.train.batches import ResumableBatches
from pcr.train.classes import labelled
from pcr.train.config import TrainConfig
from pcr.train.data import decoded, in_memory_batches
from pcr.train.processes import Processes
from pcr.train.state import TrainState

# Cancels out of a cosine, and keeps small float16 gradients from becoming 0.
GRADIENT_SCALE = 1024.0
PAPER_LEVELS = (1, 2, 5, 10)

Take: TypeAlias = Callable[[int], Iterator[Tensor]]
"""The gradients of each batch at a level."""


@dataclass(frozen=True)
class Tuning:
    """Scores of levels, and the level that they choose.

    scores: similarities of gradients, or losses after a probe.
    """

    scores: dict[int, float]
    level: int
    bytes_read: int


def tune(state: TrainState, config: TrainConfig, processes: Processes, dataset: Dataset) -> Tuning:
    """Compare levels' gradients with those of full fidelity; choose the lowest similar level.

    Every level sees the same batches with the same crops: some of each process's share of the
    epoch, read once. By the rule "batches" a score is the cosine similarity of a batch's gradients,
    averaged over the batches of all processes. By the rule "paper" it is that of their sums.
    """
    levels = dataset.levels
    held = in_memory_batches(dataset, config, processes, state.epoch, config.autotune_batches)
    take = partial(gradients, state, config, processes, held)
    if config.autotune_rule == "paper":
        scores = _scores_of_sums(take, processes, levels)
    else:
        scores = _mean_scores(take, processes, levels)
    similar = (k for k, score in scores.items() if score > config.similarity_threshold)
    return Tuning(scores, min(similar, default=levels), processes.total(held.bytes_read))


def _mean_scores(take: Take, processes: Processes, levels: int) -> dict[int, float]:
    # Kept in the host's memory, a model's size for each batch.
    full = [one.cpu() for one in take(levels)]
    scores = {}
    for level in range(1, levels):
        sums = torch.zeros(2, dtype=torch.float64, device=processes.device)  # of scores, batches
        for one, like in zip(take(level), full, strict=True):
            sums += torch.stack(similarity(one, like.to(one.device)))
        score, batches = processes.sum(sums).tolist()
        scores[level] = score / max(batches, 1)
    return scores


def _scores_of_sums(take: Take, processes: Processes, levels: int) -> dict[int, float]:
    full = _summed(take(levels), processes)
    below = [level for level in PAPER_LEVELS if level < levels]
    return {k: float(similarity(_summed(take(k), processes), full)[0]) for k in below}


def _summed(parts: Iterator[Tensor], processes: Processes) -> Tensor:
    return processes.sum(reduce(add, parts))


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
    data = batches_at(level, held, state, config, processes)
    parameters = [weight for weight in state.model.parameters() if weight.requires_grad]
    with closing(data), undisturbed(state.model, config.base_seed):
        for images, labels in data:
            with state.precision.autocast():
                loss = cross_entropy(state.model(images), labels, reduction="sum")
            parts = torch.autograd.grad(loss * GRADIENT_SCALE, parameters)
            yield torch.cat([part.flatten().float() for part in parts])


def batches_at(
    level: int, held: InMemoryBatches, state: TrainState, config: TrainConfig, processes: Processes
) -> ResumableBatches:
    """Batches in memory at one level, with the crops and labels of training."""
    held.n_scans = level
    size = config.image_sizes.at(state.epoch)
    batches = decoded(held, config, processes, size)
    data = labelled(batches, state.classes, config, processes)
    data.set_epoch(state.epoch)
    return data


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
