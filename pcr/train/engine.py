"""A training run from its first line to its last: set up, then train, validate, record, save, epoch by epoch."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from pcr.errors import UsageError
from pcr.train import checkpoint
from pcr.train.batches import Batches, check_classes
from pcr.train.config import TrainConfig
from pcr.train.data import train_batches, validation_batches
from pcr.train.log import EpochSummary, MetricsLog, table
from pcr.train.meter import PassMeter, Reading, Scores
from pcr.train.schedule import learning_rate
from pcr.train.state import TrainState

PROFILED_ITERATIONS = 10


def run(config: TrainConfig) -> TrainState:
    """Train as `config` says, or only validate with `evaluate`; what happens is printed and logged.

    Raises:
        PCRError: something that the user can mend, in one line.
    """
    device = choose_device(config.device)
    saved = checkpoint.load(config.resume) if config.resume else None
    config = with_seed(config, saved)
    torch.manual_seed(config.seed or 0)
    val = validation_batches(config, device)
    try:
        return (
            evaluate(config, val, saved, device)
            if config.evaluate
            else train(config, val, saved, device)
        )
    finally:
        val.close()


def evaluate(
    config: TrainConfig, val: Batches, saved: dict[str, Any] | None, device: torch.device
) -> TrainState:
    """Only validate: a checkpoint, or the weights that `--pretrained` fetches."""
    state = TrainState.create(config, val.class_names, device)
    if saved is not None:
        state.restore(config, saved)
    scores = validate(state, val, config, device)
    print(f"test loss {scores.loss:.4f}, top-1 {scores.top_1:.2f} %, top-5 {scores.top_5:.2f} %")
    return state


def train(
    config: TrainConfig, val: Batches, saved: dict[str, Any] | None, device: torch.device
) -> TrainState:
    """Train from the start, or from where a checkpoint was saved."""
    data = train_batches(config, device)
    try:
        check_classes(data, val, config)
        check_last_batch(data, config)
        state = TrainState.create(config, data.class_names, device)
        data.set_epoch(state.epoch)
        if saved is not None:
            state.restore(config, saved)
            data.load_state_dict(saved["loader"])
        announce(config, device, data, val)
        fit(state, data, val, config, device)
    finally:
        data.close()
    print_end(state, config)
    return state


def fit(
    state: TrainState, data: Batches, val: Batches, config: TrainConfig, device: torch.device
) -> None:
    """Train and validate until the last epoch; each is logged, printed and saved."""
    config.output_dir.mkdir(parents=True, exist_ok=True)
    first = state.epoch
    with MetricsLog(config.output_dir, resume_epoch=first if config.resume else None) as log:
        for epoch in range(first, config.epochs):
            n_scans = data.n_scans
            trained, reading = train_epoch(state, data, config, device, log)
            if config.prof:
                print(f"{reading.images} images, {reading.images_per_second:.0f} images/s")
                return
            tested = validate(state, val, config, device)
            summary = EpochSummary(epoch, n_scans, trained.loss, tested, reading)
            log.write_epoch(summary, iterations=len(data))
            print(summary.line(config.epochs), flush=True)
            state.summaries.append(summary)
            state.epoch = epoch + 1
            is_best = tested.top_1 > state.best_top_1
            state.best_top_1 = max(state.best_top_1, tested.top_1)
            checkpoint.save(config.output_dir, state.snapshot(config, data.state_dict()), is_best)


def train_epoch(
    state: TrainState, data: Batches, config: TrainConfig, device: torch.device, log: MetricsLog
) -> tuple[Scores, Reading]:
    """One pass over the training data; its scores, and what reading it took."""
    state.model.train()
    log.write(0, state.epoch, train_start_time=time.time())
    waited = data.wait_seconds
    title = f"epoch {state.epoch + 1}/{config.epochs}"
    with PassMeter.over(title, data, device, config.print_freq) as meter:
        for step, (images, labels) in enumerate(data):
            log.write(step, state.epoch, data_times=data.wait_seconds - waited)
            waited = data.wait_seconds
            set_learning_rate(state, config, step, len(data))
            with state.precision.autocast():
                logits = state.model(images)
                loss = cross_entropy(logits, labels)
            state.precision.step(loss, state.optimizer)
            meter.update(logits, labels, loss)
            if config.prof and step + 1 == PROFILED_ITERATIONS:
                break
        scores = meter.scores()  # waits for the device, so that the reading's clock counts its work
        return scores, meter.reading()


@torch.no_grad()
def validate(state: TrainState, data: Batches, config: TrainConfig, device: torch.device) -> Scores:
    """One pass over the validation data, every image counted once."""
    state.model.eval()
    with PassMeter.over("validate", data, device, config.print_freq) as meter:
        for images, labels in data:
            with state.precision.autocast():
                logits = state.model(images)
                loss = cross_entropy(logits, labels)
            meter.update(logits, labels, loss)
        return meter.scores()


def set_learning_rate(state: TrainState, config: TrainConfig, step: int, steps: int) -> None:
    """Give the optimizer the rate of this step of the state's epoch."""
    rate = learning_rate(config.lr, config.epochs, state.epoch, step, steps)
    for group in state.optimizer.param_groups:
        group["lr"] = rate


def choose_device(name: str) -> torch.device:
    """The device called `auto`, `cuda` or `cpu`.

    Raises:
        UsageError: CUDA was asked for and there is none.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError("--device cuda: no CUDA GPU is available here; choose auto or cpu")
    torch.backends.cudnn.benchmark = True
    return torch.device("cuda", torch.cuda.current_device())


def with_seed(config: TrainConfig, saved: dict[str, Any] | None) -> TrainConfig:
    """With the seed that was given, else that of the run that goes on, else a new one."""
    if config.seed is not None:
        return config
    return replace(config, seed=saved["seed"] if saved else random.getrandbits(31))


def check_last_batch(data: Batches, config: TrainConfig) -> None:
    """Refuse a last batch of one image that the model shrinks to one pixel: nothing to normalise.

    Raises:
        UsageError: says what to change.
    """
    if data.num_images % config.batch_size == 1 and config.crop_size <= 32:
        raise UsageError(
            f"-b {config.batch_size} leaves a last batch of one of the {data.num_images} images, which "
            f"batch normalisation can't take at --image_size {config.crop_size}: change either"
        )


def announce(config: TrainConfig, device: torch.device, data: Batches, val: Batches) -> None:
    """Say what is about to be trained, on what, and from what."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    why = " (no CUDA GPU here)" if device.type == "cpu" and config.device == "auto" else ""
    fidelity = f" at {data.n_scans} scans" if data.n_scans else ""
    print(
        f"{config.arch} on {name}{why}, seed {config.seed}: {data.num_images} images{fidelity} "
        f"to train, {val.num_images} to validate, {len(data.class_names)} classes",
        flush=True,
    )
    if config.static_loss_scale is not None and not config.fp16:
        print("--static-loss-scale has no effect without --fp16", flush=True)


def print_end(state: TrainState, config: TrainConfig) -> None:
    """The table of all epochs, and where the results lie."""
    if state.summaries:
        print(f"\n{table(state.summaries)}")
        print(f"best top-1 {state.best_top_1:.2f} %, in {config.output_dir.resolve()}")
    elif state.epoch >= config.epochs:
        print(f"nothing left to train: {state.epoch} of {config.epochs} epochs are done")
