"""Chooses the lowest fidelity that lowers the loss as full fidelity does, where training stalls."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import torch

from pcr.dataset.reader import Dataset
from pcr.loading.in_memory_batches import InMemoryBatches
from pcr.train.amp import load_optimizer
from pcr.train.autotune import Tuning, batches_at, undisturbed
from pcr.train.config import TrainConfig
from pcr.train.data import in_memory_batches
from pcr.train.epoch import learn, mean_loss
from pcr.train.processes import Processes
from pcr.train.state import TrainState

STALLED = 0.01  # a loss that falls by a smaller part


def probe(state: TrainState, config: TrainConfig, processes: Processes, dataset: Dataset) -> Tuning:
    """Train for some batches at each level, from the same weights, and compare what it did.

    A score is the loss afterwards, in training mode, of as many other batches at full fidelity. The
    lowest level is chosen whose loss is at most `autotune_tolerance` above full fidelity's. Weights,
    optimizer and random numbers are as before in the end.
    """
    epochs = (state.epoch, state.epoch + 1)  # another epoch begins with other images
    learned, judged = (
        in_memory_batches(dataset, config, processes, epoch, config.autotune_batches)
        for epoch in epochs
    )
    levels = dataset.levels
    scores = {}
    with unchanged(state) as reset:
        for level in range(1, levels + 1):
            reset()
            with undisturbed(state.model, config.base_seed):
                _train(state, config, processes, learned, level)
                scores[level] = _loss(state, config, processes, judged, levels)
    most = (1 + config.autotune_tolerance) * scores[levels]
    level = min((k for k, loss in scores.items() if loss <= most), default=levels)
    return Tuning(scores, level, processes.total(learned.bytes_read + judged.bytes_read))


def probing_epochs(losses: Sequence[float], start: int, patience: int) -> Iterator[int]:
    """The epochs, up to the one after those of `losses`, before which levels are probed.

    These are epoch `start`, and every later one at which, since the last probe, the lowest loss of
    the last `patience` epochs was not 1 % below the lowest loss before them.
    """
    last = None
    for epoch in range(len(losses) + 1):
        since = losses[last:epoch] if last is not None else ()
        recent, earlier = since[-patience:], since[:-patience]
        stalled = bool(earlier) and min(recent) > (1 - STALLED) * min(earlier)
        if epoch == start or stalled:
            last = epoch
            yield epoch


@contextmanager
def unchanged(state: TrainState) -> Iterator[Callable[[], None]]:
    """Put model, optimizer and loss scale back when the function is called, and in the end."""
    model, optimizer, scale = (
        copy.deepcopy(one.state_dict()) for one in (state.model, state.optimizer, state.precision)
    )

    def reset() -> None:
        state.model.load_state_dict(model)
        load_optimizer(state.optimizer, copy.deepcopy(optimizer))
        state.precision.load_state_dict(scale)
        state.optimizer.zero_grad()

    try:
        yield reset
    finally:
        reset()


def _train(
    state: TrainState, config: TrainConfig, processes: Processes, held: InMemoryBatches, level: int
) -> None:
    with closing(batches_at(level, held, state, config, processes)) as data:
        for images, labels in data:
            learn(state, images, labels)


@torch.no_grad()
def _loss(
    state: TrainState, config: TrainConfig, processes: Processes, held: InMemoryBatches, level: int
) -> float:
    sums = torch.zeros(2, dtype=torch.float64, device=processes.device)  # of losses, images
    with closing(batches_at(level, held, state, config, processes)) as data:
        for images, labels in data:
            with state.precision.autocast():
                loss = mean_loss(state.model(images), labels)
            sums += torch.stack([loss.double() * len(labels), torch.tensor(len(labels)).to(loss)])
    total, images = processes.sum(sums).tolist()
    return float(total / max(images, 1))
