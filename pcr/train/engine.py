"""A training run from its first line to its last: set up, then train, validate, record, save, epoch by epoch."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import torch

from pcr.errors import PCRError, UsageError
from pcr.loading.order import batch_count, batch_sizes, span_of
from pcr.train import checkpoint
from pcr.train.autotune import tune
from pcr.train.batches import Batches, check_classes
from pcr.train.config import TrainConfig
from pcr.train.console import announcement, ending
from pcr.train.data import choose_loader, train_batches, validation_batches
from pcr.train.epoch import Run, train_epoch, validate
from pcr.train.log import EpochSummary, MetricsLog
from pcr.train.model import compile_errors
from pcr.train.processes import Processes
from pcr.train.state import TrainState
from pcr.train.stop import Stopped, StopRequest
from pcr.train.tensorboard import TensorBoardLog

Saved = dict[str, Any]


def run(config: TrainConfig) -> TrainState:
    """Train as `config` says, or only validate with `evaluate`; what happens is printed and logged.

    Raises:
        PCRError: something that the user can mend, in one line.
        Stopped: a signal ended the run.
    """
    with Processes.joined(config.device) as processes:
        config, saved = prepare(config, processes)
        torch.manual_seed(config.base_seed)
        val = validation_batches(config, processes)
        try:
            act = evaluate if config.evaluate else train
            with compile_errors(config.arch):
                return act(config, val, saved, processes)
        finally:
            val.close()


def prepare(config: TrainConfig, processes: Processes) -> tuple[TrainConfig, Saved | None]:
    """The settings with what was left open, and the checkpoint to go on from, the same on all processes.

    The main process chooses and reads for all: their folders need not be shared. A run that goes on keeps the seed
    and the loader that it began with, unless it is told others.
    """
    found = None
    if processes.is_main and config.resume:
        found = checkpoint.load_first(checkpoint.find(config.resume, config.output_dir))
    saved, path = processes.from_main(found) or (None, None)
    seed, loader = config.seed, config.loader
    if seed is None:
        seed = saved["seed"] if saved else processes.from_main(random.getrandbits(31))
    if loader == "auto":
        loader = saved["loader"] if saved else choose_loader(processes.device)
    return replace(config, seed=seed, resume=path, loader=loader), saved


def evaluate(
    config: TrainConfig, val: Batches, saved: Saved | None, processes: Processes
) -> TrainState:
    """Only validate: a checkpoint, or the weights that `--pretrained` fetches."""
    state = TrainState.create(config, val.source.classes, processes)
    if saved is not None:
        state.restore(config, saved)
    with StopRequest(processes) as stop:
        scores = validate(state, val, config, processes, stop)
    processes.print(
        f"test loss {scores.loss:.4f}, top-1 {scores.top_1:.2f} %, top-5 {scores.top_5:.2f} %"
    )
    return state


def train(
    config: TrainConfig, val: Batches, saved: Saved | None, processes: Processes
) -> TrainState:
    """Train from the start, or from where a checkpoint was saved."""
    data = train_batches(config, processes)
    try:
        check_classes(data, val, config)
        check_levels(data, config)
        check_last_batch(data, config, processes)
        state = TrainState.create(config, data.source.classes, processes)
        torch.manual_seed(config.base_seed + processes.rank)  # weights alike, dropout not
        data.set_epoch(state.epoch)
        if saved is not None:
            state.restore(config, saved)
            state.restore_own(config, saved, processes, data)
        processes.print(announcement(config, processes, data, val))
        fit(state, data, val, config, processes)
    finally:
        data.close()
    if state.summaries:
        processes.print(ending(state.summaries, state.best_top_1, config))
    return state


def fit(
    state: TrainState, data: Batches, val: Batches, config: TrainConfig, processes: Processes
) -> None:
    """Train and validate until the last epoch, or until a signal comes; what was done is saved."""
    if state.epoch >= config.epochs:
        processes.print(f"nothing left to train: {state.epoch} of {config.epochs} epochs are done")
    with open_log(state, len(data), config, processes) as log, StopRequest(processes) as stop:
        session = Run(config, processes, stop, log)
        try:
            while state.epoch < config.epochs and not finish_epoch(state, data, val, session):
                pass
        except Stopped as stopped:
            save(state, data, session)
            raise Stopped(stopped.number, f" {position(state, data, config)}") from None


def open_log(
    state: TrainState, iterations: int, config: TrainConfig, processes: Processes
) -> MetricsLog:
    """Where metrics go: a CSV on each process, and TensorBoard's events on the main one.

    Raises:
        PCRError: they can't be written.
    """
    resume_at = (state.epoch, state.step) if config.resume else None
    tensorboard = None
    try:
        config.output_dir.mkdir(parents=True, exist_ok=True)
        if config.tensorboard and processes.is_main:
            tensorboard = TensorBoardLog(config.tensorboard, iterations, resume_at)
        return MetricsLog(config.output_dir, processes.rank, resume_at, tensorboard)
    except OSError as error:
        raise PCRError(f"--output_dir {config.output_dir}: {error.strerror}") from None


def finish_epoch(state: TrainState, data: Batches, val: Batches, run: Run) -> bool:
    """Do what is left of an epoch: each is logged, printed and saved. Whether the run is to end with it."""
    config, processes = run.config, run.processes
    if state.step == 0:
        choose_level(state, data, run)
    if data.source.levels:
        data.source.n_scans = state.n_scans
    trained, reading = train_epoch(state, data, run, lambda: save(state, data, run))
    if config.prof:
        processes.print(f"{reading.images} images, {reading.images_per_second:.0f} images/s")
        return True
    tested = validate(state, val, config, processes, run.stop)
    summary = EpochSummary(state.epoch, data.source.n_scans, trained.loss, tested, reading)
    run.log.write_epoch(summary, iterations=len(data))
    processes.print(summary.line(config.epochs))
    is_best = state.end_epoch(summary)
    save(state, data, run, is_best)
    return False


def choose_level(state: TrainState, data: Batches, run: Run) -> None:
    """Set the fidelity of the epoch that begins."""
    config = run.config
    if config.tunes_fidelity(state.epoch) and data.source.levels:
        tuning = tune(state, config, run.processes, data.source.levels)
        scores = {f"autotune_score_{level}": score for level, score in tuning.scores.items()}
        run.log.write(0, state.epoch, **scores, autotune_bytes_read=tuning.bytes_read)
        shown = ", ".join(f"{level}: {score:.3f}" for level, score in tuning.scores.items())
        run.processes.print(
            f"likeness of gradients to full fidelity: {shown}; chosen: {tuning.level} scans"
        )
        state.n_scans = tuning.level
    elif not config.fidelity.auto:
        state.n_scans = config.fidelity.level(state.epoch)
    state.n_scans = state.n_scans or data.source.levels


def save(state: TrainState, data: Batches, run: Run, is_best: bool = False) -> None:
    """Write a checkpoint; all processes tell the main one where they stand."""
    ranks = run.processes.to_main(state.own_snapshot(data.state_dict()))
    if run.processes.is_main:
        checkpoint.save(run.config.output_dir, state.snapshot(run.config, ranks), is_best)


def position(state: TrainState, data: Batches, config: TrainConfig) -> str:
    """Where a stopped run stands, and how to go on."""
    return (
        f"in epoch {state.epoch + 1}/{config.epochs} after iteration {state.step}/{len(data)}: saved in "
        f"{config.output_dir / checkpoint.LAST_FILE}, go on with --resume auto"
    )


def check_levels(data: Batches, config: TrainConfig) -> None:
    """Refuse a schedule of levels that the data doesn't have.

    Raises:
        UsageError: names the level.
    """
    for _, level in config.fidelity.changes:
        data.source.n_scans = level


def check_last_batch(data: Batches, config: TrainConfig, processes: Processes) -> None:
    """Refuse a batch of one image that the model shrinks to one pixel: nothing to normalise.

    Raises:
        UsageError: says what to change.
    """
    images, world_size = data.source.total_images, processes.world_size
    batches = batch_count(images, world_size, config.batch_size)
    spans = (span_of(images, rank, world_size) for rank in range(world_size))
    last = {batch_sizes(stop - first, batches, config.batch_size)[-1] for first, stop in spans}
    if 1 in last and config.crop_size <= 32:
        raise UsageError(
            f"-b {config.batch_size} leaves a last batch of one of the {images} images, which "
            f"batch normalisation can't take at --image_size {config.crop_size}: change either"
        )
