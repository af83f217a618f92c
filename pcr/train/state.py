"""All that changes while a model is trained; into a checkpoint and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pcr.errors import FormatError, UsageError
from pcr.train.amp import Precision, choose_precision, create_optimizer, load_optimizer
from pcr.train.batches import ResumableBatches
from pcr.train.config import TrainConfig
from pcr.train.log import EpochSummary
from pcr.train.meter import PassMeter, share_measured
from pcr.train.model import create_model
from pcr.train.processes import Processes


@dataclass
class TrainState:
    """A model in training."""

    classes: tuple[str, ...]
    model: nn.Module  # as checkpoints hold it
    network: nn.Module  # the model as steps call it: replicated over the processes, compiled
    optimizer: torch.optim.Optimizer
    precision: Precision
    epoch: int = 0
    step: int = 0  # of the epoch, done so far
    n_scans: int | None = None  # of the epoch under way
    best_top_1: float = -1.0  # percent
    summaries: list[EpochSummary] = field(default_factory=list)
    meter: PassMeter | None = None  # of the epoch under way
    measured: dict[str, Any] | None = None  # of it, by the run that was stopped in it

    @classmethod
    def create(
        cls, config: TrainConfig, classes: Sequence[str], processes: Processes
    ) -> TrainState:
        """A model and its optimizer before the first step.

        Raises:
            UsageError: no such model or precision, or fewer outputs than classes.
        """
        num_classes = config.num_classes or len(classes)
        if num_classes < len(classes):
            raise UsageError(
                f"expected {len(classes)} or more, the data's classes, found {num_classes}",
                "num_classes",
            )
        device = processes.device
        precision = choose_precision(config, device)
        layout = torch.channels_last if config.channels_last else torch.preserve_format
        model = create_model(config.arch, num_classes, config.pretrained).to(device)
        # Images follow the layout of the first convolution's weights.
        model = precision.cast(model.to(memory_format=layout))
        optimizer = create_optimizer(config, model, device)
        model, optimizer = precision.initialize(model, optimizer)
        network = precision.replicate(model, processes)
        if config.compile:
            network.compile()
        return cls(tuple(classes), model, network, optimizer, precision, config.start_epoch)

    def weights(self) -> list[Tensor]:
        """Parameters and running statistics, all that are not whole numbers."""
        return [value for value in self.model.state_dict().values() if value.is_floating_point()]

    def end_epoch(self, summary: EpochSummary) -> bool:
        """Go to the beginning of the next epoch; whether the one that ends was the best."""
        top_1 = summary.tested.top_1 if summary.tested else -1.0
        is_best = top_1 > self.best_top_1
        self.best_top_1 = max(self.best_top_1, top_1)
        self.summaries.append(summary)
        self.epoch, self.step = self.epoch + 1, 0
        self.meter = self.measured = None
        return is_best

    def snapshot(self, config: TrainConfig, ranks: list[dict[str, Any]]) -> dict[str, Any]:
        """What a checkpoint holds, tensors and plain values; `ranks`: each process's `own_snapshot`."""
        return {
            "arch": config.arch,
            "classes": self.classes,
            "seed": config.seed,
            "loader": config.loader,
            "epoch": self.epoch,
            "step": self.step,
            "n_scans": self.n_scans,
            "best_top_1": self.best_top_1,
            "summaries": [asdict(summary) for summary in self.summaries],
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.precision.state_dict(),
            "ranks": ranks,
            "config": config.as_dict(),
        }

    def own_snapshot(self, loader: dict[str, Any]) -> dict[str, Any]:
        """What differs between processes; `loader` says where the data stands."""
        measured = self.meter.state_dict() if self.meter else None
        return {"loader": loader, "random": random_state(), "measured": measured}

    def restore(self, config: TrainConfig, saved: dict[str, Any]) -> None:
        """Take over what is the same on all processes.

        Raises:
            UsageError: it is of another model.
            FormatError: its weights don't fit.
        """
        if saved["arch"] != config.arch:
            raise UsageError(
                f"{config.resume}: expected a checkpoint of {config.arch}, "
                f"found one of {saved['arch']}: choose that one",
                "arch",
            )
        with _fitting(f"{config.resume}: expected the weights of this {config.arch}"):
            self.model.load_state_dict(saved["model"])
            load_optimizer(self.optimizer, saved["optimizer"])
            self.precision.load_state_dict(saved["scaler"])
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.n_scans = saved["n_scans"]
        self.best_top_1 = saved["best_top_1"]
        self.summaries = [EpochSummary.from_dict(summary) for summary in saved["summaries"]]

    def restore_own(
        self,
        config: TrainConfig,
        saved: dict[str, Any],
        processes: Processes,
        data: ResumableBatches,
    ) -> None:
        """Take over what was this process's own, and put the data where it stood.

        Raises:
            UsageError: the checkpoint was saved in mid-epoch by a run that draws other batches, or
                of other data.
            FormatError: its random numbers or its position in the data make no sense.
        """
        ranks, refusal = saved["ranks"], ""
        self._check_data(config, ranks, processes, data)
        if saved["loader"] != config.loader:
            refusal = f"`loader`: expected {config.loader} as here, found {saved['loader']}"
        else:
            own = own_of(ranks, processes.rank, processes.world_size)
            with _fitting(f"{config.resume}: expected the state of such a run"):
                if own["random"] is not None:
                    restore_random_state(own["random"])
                try:
                    data.load_state_dict(own["loader"])
                    self.measured = own["measured"]
                    # There may be more batches than in that run, or fewer.
                    epoch, batch = data.source.position
                    self.step = len(data) if epoch > self.epoch else batch
                except UsageError as error:
                    refusal = f"`{error.parameter}`: {error.reason}"
        if refusal and self.step:
            raise UsageError(
                f"{config.resume} was saved in mid-epoch by another kind of run ({refusal}): "
                "resume it as it was, or from a checkpoint of an epoch's end"
            )
        if refusal:
            data.set_epoch(self.epoch)

    def _check_data(
        self,
        config: TrainConfig,
        ranks: list[dict[str, Any]],
        processes: Processes,
        data: ResumableBatches,
    ) -> None:
        """Refuse other data in mid-epoch; between epochs more may have been appended, say."""
        checksum = data.state_dict().get("checksum")
        if all(rank["loader"].get("checksum") == checksum for rank in ranks):
            return
        other = f"{config.resume}: was trained on other data than {config.train_location} holds now"
        if self.step:
            raise UsageError(
                f"{other}, and saved in mid-epoch: resume it with that data, or from a checkpoint "
                "of an epoch's end"
            )
        processes.warn(other)


def own_of(ranks: list[dict[str, Any]], rank: int, world_size: int) -> dict[str, Any]:
    """What one process takes over of what those of an earlier run saved, as many or not.

    Where their number is another one, all that was measured is shared out, and processes that were
    not there keep the random numbers that they begin with.
    """
    if len(ranks) == world_size:
        return ranks[rank]
    measured = [one["measured"] for one in ranks if one["measured"]]
    return {
        "loader": ranks[0]["loader"] | {"pipeline": None},
        "random": ranks[rank]["random"] if rank < len(ranks) else None,
        "measured": share_measured(measured, rank, world_size) if measured else None,
    }


@contextmanager
def _fitting(expected: str) -> Iterator[None]:
    """What torch makes of values that don't fit, as one line."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise FormatError(f"{expected}, found others: {reason[:300]}") from error


def random_state() -> dict[str, torch.Tensor]:
    """torch's random number generators, by device type."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: dict[str, torch.Tensor]) -> None:
    """Put torch's random number generators back; a device that isn't here is ignored."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
