"""A training run from beginning to end: set up, then train, validate, log and save each epoch."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import torch

from pcr.errors import printable
from pcr.loading.iterator import PCRIterator
from pcr.train import checkpoint, console, results
from pcr.train.autotune import tune
from pcr.train.batches import Batches, ResumableBatches
from pcr.train.checks import check_data
from pcr.train.classes import check_classes, labelled
from pcr.train.config import TrainConfig
from pcr.train.data import choose_loader, train_batches, validation_batches
from pcr.train.epoch import Run, set_learning_rate, train_epoch, validate
from pcr.train.log import EpochSummary, MetricsFile, MetricsLog
from pcr.train.loss_probe import probe, probing_epochs
from pcr.train.loss_watch import LossWatch
from pcr.train.model import compile_errors
from pcr.train.processes import Processes
from pcr.train.state import TrainState
from pcr.train.stop import Stopped, StopRequest
from pcr.train.synthetic import synthetic_batches
from pcr.train.tensorboard import TensorBoardLog

Saved = dict[str, Any]


def run(config: TrainConfig, wording: Callable[[str], str] = str) -> TrainState:
    """Train as `config` says, or only validate with `evaluate`; what happens is printed and logged.

    `wording` is applied to what is printed: a command puts its flags in place of parameters there.

    Raises:
        PCRError: something that the user can fix, in one line.
        Stopped: a signal ended the run.
    """
    with Processes.joined(config.device, config.local_rank, wording) as processes:
        config, saved = prepare(config, processes)
        torch.manual_seed(config.base_seed)
        act = evaluate if config.evaluate else train
        with compile_errors(config.arch):
            return act(config, saved, processes)


def prepare(config: TrainConfig, processes: Processes) -> tuple[TrainConfig, Saved | None]:
    """The settings, complete, and the checkpoint to resume from; the same on all processes.

    The main process chooses and reads for all, so their folders need not be shared. A resumed run
    keeps the seed and the loader that it began with, unless it is told others.
    """
    output_dir = results.folder(config)
    if not config.evaluate and not config.only_measures:
        results.check_free(config, output_dir, processes)
    found = None
    if processes.is_main and config.resume:
        found = checkpoint.load_first(checkpoint.find(config.resume, output_dir))
    saved, path = processes.from_main(found) or (None, None)
    if config.resume and path is None:
        processes.print(f"no checkpoint in {printable(output_dir)}: starting from the beginning")
    seed, loader = config.seed, config.loader
    if seed is None:
        seed = saved["seed"] if saved else processes.from_main(random.getrandbits(31))
    if loader == "auto":
        loader = saved["loader"] if saved else choose_loader(processes.device)
    return replace(config, seed=seed, resume=path, loader=loader, output_dir=output_dir), saved


def evaluate(config: TrainConfig, saved: Saved | None, processes: Processes) -> TrainState:
    """Only validate: a checkpoint, or the weights that `pretrained` downloads."""
    with closing(validation_batches(config, processes)) as val:
        state = TrainState.create(config, classes_of(val, saved, config), processes)
        named = by_class(val, config.val_location, state, config, processes)
        if saved is not None:
            state.restore(config, saved)
        with StopRequest(processes) as stop:
            scores = validate(state, named, config, processes, stop)
    processes.print(
        f"test loss {scores.loss:.4f}, top-1 {scores.top_1:.2f} %, top-5 {scores.top_5:.2f} %"
    )
    return state


def train(config: TrainConfig, saved: Saved | None, processes: Processes) -> TrainState:
    """Train from the beginning, or from where a checkpoint was saved."""
    with (
        closing(train_batches(config, processes)) as data,
        closing(validation_batches(config, processes)) as val,
    ):
        check_data(data, config, processes)
        state = TrainState.create(config, classes_of(data, saved, config), processes)
        torch.manual_seed(config.base_seed + processes.rank)  # the same weights, other dropout
        data.set_epoch(state.epoch)
        named = by_class(data, config.train_location, state, config, processes)
        named_val = by_class(val, config.val_location, state, config, processes)
        processes.print(console.announcement(config, processes, data, val))
        if saved is not None:
            state.restore(config, saved)
            state.restore_own(config, saved, processes, data)
            processes.print(console.wrapped(resumption(state, data, config, saved, processes)))
        if config.only_measures:
            measure(state, named, config, processes)
        else:
            fit(state, named, named_val, config, processes)
    return state


def classes_of(data: Batches, saved: Saved | None, config: TrainConfig) -> tuple[str, ...]:
    """The classes that labels are positions in: a checkpoint's, otherwise those of the data."""
    if saved:
        return tuple(saved["classes"])
    return tuple(dict.fromkeys(config.merged(data.source.classes)))  # each once, in order


def by_class(
    data: ResumableBatches,
    where: str,
    state: TrainState,
    config: TrainConfig,
    processes: Processes,
) -> ResumableBatches:
    """The data, its labels matched with the classes of the state by their names."""
    origin = str(config.resume or config.train_location)
    check_classes(config.merged(data.source.classes), where, state.classes, origin, processes)
    return labelled(data, state.classes, config, processes)


def fit(
    state: TrainState,
    data: ResumableBatches,
    val: Batches,
    config: TrainConfig,
    processes: Processes,
) -> None:
    """Train and validate until the last epoch, or until a signal comes; what was done is saved."""
    output_dir = results.folder(config)
    table = [console.heading(), *(console.row(one, config.epochs) for one in state.summaries)]
    processes.print("\n".join(table))
    with (
        results.resumable_errors(),
        open_log(state, len(data), config, processes) as log,
        StopRequest(processes) as stop,
    ):
        run = Run(config, processes, stop, LossWatch(config, processes), log)
        try:
            while state.epoch < config.epochs:
                finish_epoch(state, data, val, run)
        except Stopped as stopped:
            save(state, data, run)
            saved = f"saved in {output_dir / checkpoint.LAST_FILE}, continue with `resume='auto'`"
            raise Stopped(stopped.number, f" {position(state, data, config)}: {saved}") from None
    processes.print(f"best top-1 {state.best_top_1:.2f} %, results in {printable(output_dir)}")


def open_log(
    state: TrainState, iterations: int, config: TrainConfig, processes: Processes
) -> MetricsLog:
    """Where metrics go: a CSV on each process, and TensorBoard's events on the main one.

    Raises:
        OSError: they can't be written.
        PCRError: TensorBoard is not installed.
    """
    resume_at = (state.epoch, state.step) if config.resume else None
    output_dir = results.folder(config)
    output_dir.mkdir(parents=True, exist_ok=True)
    file = MetricsFile(output_dir, processes.rank, resume_at)
    if config.tensorboard and processes.is_main:
        events = TensorBoardLog(config.tensorboard, iterations, resume_at)
        events.write_again(file.kept)
        return MetricsLog(file, events)
    return MetricsLog(file)


def finish_epoch(state: TrainState, data: ResumableBatches, val: Batches, run: Run) -> None:
    """Do what is left of an epoch, then log, print and save it.

    What was trained is saved before anything else can go wrong: a run that resumes there validates.
    """
    config = run.config
    if state.step == 0:
        choose_level(state, data, run)
    set_level(data, state.n_scans, config)
    trained, reading = train_epoch(state, data, run, lambda: save(state, data, run))
    save(state, data, run)
    tested = None
    if config.validates(state.epoch):
        tested = validate(state, val, config, run.processes, run.stop)
        run.watch.note([torch.tensor(tested.loss)], state.epoch, state.step)
    summary = EpochSummary(state.epoch, mean_level(data), trained.loss, tested, reading)
    run.log.write_epoch(summary, iterations=len(data))
    run.processes.print(console.row(summary, config.epochs))
    is_best = state.end_epoch(summary)
    save(state, data, run, is_best)


def choose_level(state: TrainState, data: Batches, run: Run) -> None:
    """Set the fidelity of the epoch that begins."""
    config, source = run.config, data.source
    if isinstance(source, PCRIterator) and tunes_fidelity(state, config):
        set_learning_rate(state, config, len(data))  # a probe's steps are those of the epoch
        by_loss = config.fidelity.rule == "loss"
        tuning = (probe if by_loss else tune)(state, config, run.processes, source.dataset)
        kind = "loss" if by_loss else "score"
        scores = {f"autotune_{kind}_{level}": score for level, score in tuning.scores.items()}
        run.log.write(0, state.epoch, **scores, autotune_bytes_read=tuning.bytes_read)
        run.processes.print(console.choice(tuning, by_loss))
        state.n_scans = tuning.level
    elif not config.fidelity.auto:
        state.n_scans = config.fidelity.level(state.epoch)
    state.n_scans = state.n_scans or source.levels


def tunes_fidelity(state: TrainState, config: TrainConfig) -> bool:
    """Whether `auto` chooses a level before the epoch that begins."""
    if config.fidelity.rule == "loss":
        losses = [summary.train_loss for summary in state.summaries]
        start = config.autotune_start - (state.epoch - len(losses))
        return len(losses) in probing_epochs(losses, start, config.autotune_patience)
    since = state.epoch - config.autotune_start
    return config.fidelity.auto and since >= 0 and since % config.autotune_freq == 0


def set_level(data: Batches, level: int | None, config: TrainConfig) -> None:
    """Have the data read at this level, or at the run's mixture of levels."""
    if data.source.levels:
        data.source.n_scans = dict(config.fidelity.mix) or level


def mean_level(data: Batches) -> float | None:
    """The level at which the data is read, over all records; None without levels."""
    n_scans = data.source.n_scans
    if isinstance(n_scans, Mapping):
        return sum(level * share for level, share in n_scans.items())
    return n_scans


def measure(
    state: TrainState, data: ResumableBatches, config: TrainConfig, processes: Processes
) -> None:
    """Time training, or a part of it alone: nothing is validated or written."""
    batches = synthetic_batches(data, config, processes)
    with StopRequest(processes) as stop:
        run = Run(config, processes, stop, LossWatch(config, processes), MetricsLog())
        for epoch in range(state.epoch, state.epoch + 1 if config.prof else config.epochs):
            state.epoch, state.step = epoch, 0
            set_level(data, config.fidelity.level(state.epoch), config)
            _, reading = train_epoch(state, batches, run, save=lambda: None)
            processes.print(console.measured(state.epoch, reading))


def save(state: TrainState, data: ResumableBatches, run: Run, is_best: bool = False) -> None:
    """Write a checkpoint; all processes tell the main one where they stand.

    Raises:
        NotFinite: the weights or a loss before them are not finite, with `stop_on_nan`.
    """
    run.watch.note(state.weights(), state.epoch, state.step)
    run.watch.settle()
    ranks = run.processes.to_main(state.own_snapshot(data.state_dict()))
    if run.processes.is_main:
        snapshot = state.snapshot(run.config, ranks)
        checkpoint.save(results.folder(run.config), snapshot, is_best)


def resumption(
    state: TrainState, data: Batches, config: TrainConfig, saved: Saved, processes: Processes
) -> str:
    """What is left to do for a run that is resumed."""
    if state.epoch >= config.epochs:
        return f"nothing left to train: all {config.epochs} epochs are done in {config.resume}"
    text = f"resuming {position(state, data, config)}, from {config.resume}"
    before, now = len(saved["ranks"]), processes.world_size
    return (
        text if before == now else f"{text}, on {now} process{'es' * (now > 1)} instead of {before}"
    )


def position(state: TrainState, data: Batches, config: TrainConfig) -> str:
    """Where a run stands in its epoch."""
    return f"in epoch {state.epoch + 1}/{config.epochs} after iteration {state.step}/{len(data)}"
