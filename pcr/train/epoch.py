"""One pass over the training data, one over the validation data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pcr.train.batches import Batches
from pcr.train.config import TrainConfig
from pcr.train.learning_rate import paper_rate, scaled_rate
from pcr.train.log import MetricsLog
from pcr.train.loss_watch import LossWatch
from pcr.train.meter import PassMeter, Scores
from pcr.train.processes import Processes
from pcr.train.reading import Reading
from pcr.train.state import TrainState
from pcr.train.stop import StopRequest

PROFILED_ITERATIONS = 10


@dataclass(frozen=True)
class Run:
    """What stays the same from a run's first step to its last."""

    config: TrainConfig
    processes: Processes
    stop: StopRequest
    watch: LossWatch
    log: MetricsLog


def train_epoch(
    state: TrainState, data: Batches, run: Run, save: Callable[[], None]
) -> tuple[Scores, Reading]:
    """The rest of an epoch of training; the scores of the whole epoch, and what reading it took.

    `save` is called after every `checkpoint_every`-th iteration.

    Raises:
        Stopped: a signal ends the run.
        NotFinite: so does a loss that is NaN or infinite, with `stop_on_nan`.
    """
    config = run.config
    state.network.train()
    if state.step == 0:
        run.log.write(0, state.epoch, train_start_time=time.time())
    waited = data.wait_seconds
    title = f"epoch {state.epoch + 1}/{config.epochs}"
    with PassMeter.over(
        title, data, run.processes, config.print_freq, state.step, state.measured
    ) as meter:
        state.meter = meter
        for images, labels in data if state.step < len(data) else ():
            run.log.write(state.step, state.epoch, data_times=data.wait_seconds - waited)
            waited = data.wait_seconds
            if config.synthetic_model:
                meter.count(len(labels))
            else:
                set_learning_rate(state, config, len(data))
                loss = train_step(state, images, labels, meter)
                run.watch.note([loss], state.epoch, state.step + 1)
            state.step += 1
            if state.step % config.print_freq == 0:
                run.watch.check()
            if config.prof and state.step == PROFILED_ITERATIONS:
                break
            iterations = state.epoch * len(data) + state.step
            if config.checkpoint_every and iterations % config.checkpoint_every == 0:
                save()
            run.stop.check()
        run.watch.settle()
        scores = meter.scores()  # waits for the device, so that the reading's clock counts its work
        return scores, meter.reading().over(run.processes)


def train_step(state: TrainState, images: Tensor, labels: Tensor, meter: PassMeter) -> Tensor:
    """Learn from one batch, and count it; its loss."""
    logits, loss = learn(state, images, labels)
    meter.update(logits, labels, loss)
    return loss


def learn(state: TrainState, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Take a step of the optimizer for one batch; its logits and its loss."""
    with state.precision.autocast():
        logits = state.network(images)
        loss = mean_loss(logits, labels)
    state.precision.step(loss, state.optimizer)
    return logits, loss


@torch.no_grad()
def validate(
    state: TrainState, data: Batches, config: TrainConfig, processes: Processes, stop: StopRequest
) -> Scores:
    """One pass over the validation data, every image counted once.

    Raises:
        Stopped: a signal ends the run.
    """
    state.network.eval()
    with PassMeter.over("validate", data, processes, config.print_freq) as meter:
        for images, labels in data:
            with state.precision.autocast():
                logits = state.network(images)
                loss = mean_loss(logits, labels)
            meter.update(logits, labels, loss)
            stop.check()
        return meter.scores()


def mean_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy; 0, with gradients of 0, for an empty batch."""
    return cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)


def set_learning_rate(state: TrainState, config: TrainConfig, steps: int) -> None:
    """Give the optimizer the rate of the state's step; an epoch has `steps`."""
    if config.lr_schedule == "paper":
        rate = paper_rate(config.lr, state.epoch, state.step, steps)
    else:
        rate = scaled_rate(config.lr, config.epochs, state.epoch, state.step, steps)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
