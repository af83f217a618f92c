"""All that changes while a model is trained, and its way into a checkpoint and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from pcr.errors import DatasetError, FormatError, UsageError
from pcr.train.amp import Precision
from pcr.train.config import TrainConfig
from pcr.train.log import EpochSummary
from pcr.train.model import create_model


@dataclass
class TrainState:
    """A model on its way."""

    class_names: list[str]
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    precision: Precision
    epoch: int = 0
    best_top_1: float = -1.0  # percent
    summaries: list[EpochSummary] = field(default_factory=list)

    @classmethod
    def create(
        cls, config: TrainConfig, class_names: list[str], device: torch.device
    ) -> TrainState:
        """A model and its optimizer before the first step.

        Raises:
            UsageError: an unknown model, half precision on a CPU, or fewer outputs than classes.
        """
        num_classes = config.num_classes or len(class_names)
        if num_classes < len(class_names):
            raise UsageError(
                f"--num_classes {num_classes}: the data has {len(class_names)} classes"
            )
        precision = Precision.from_config(config, device)
        model = create_model(config.arch, num_classes, config.pretrained).to(device)
        optimizer = torch.optim.SGD(
            model.parameters(), config.lr, config.momentum, weight_decay=config.weight_decay
        )
        return cls(class_names, model, optimizer, precision, config.start_epoch)

    def snapshot(self, config: TrainConfig, loader: dict[str, Any]) -> dict[str, Any]:
        """What a checkpoint holds: tensors and plain values; `loader` says where the data stands."""
        return {
            "arch": config.arch,
            "classes": self.class_names,
            "seed": config.seed,
            "epoch": self.epoch,
            "best_top_1": self.best_top_1,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.precision.scaler.state_dict(),
            "random": random_state(),
            "loader": loader,
            "config": config.as_dict(),
        }

    def restore(self, config: TrainConfig, saved: dict[str, Any]) -> None:
        """Take over a snapshot.

        Raises:
            UsageError: it is of another model.
            DatasetError: it is for other classes.
            FormatError: its weights don't fit.
        """
        if saved["arch"] != config.arch:
            raise UsageError(
                f"{config.resume}: expected a checkpoint of {config.arch}, "
                f"found one of {saved['arch']}: choose it with -a"
            )
        if saved["classes"] != self.class_names:
            raise DatasetError(
                f"{config.resume}: expected a checkpoint for the {len(self.class_names)} classes of the data, "
                f"found one for {len(saved['classes'])} classes that are not the same"
            )
        try:
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
        except (RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise FormatError(
                f"{config.resume}: expected the weights of this {config.arch}, found others: {reason[:300]}"
            ) from error
        if saved["scaler"] and self.precision.enabled:
            self.precision.scaler.load_state_dict(saved["scaler"])
        self.epoch = saved["epoch"]
        self.best_top_1 = saved["best_top_1"]
        restore_random_state(saved["random"])


def random_state() -> dict[str, torch.Tensor]:
    """torch's random number generators, by device type."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: dict[str, torch.Tensor]) -> None:
    """Put torch's random number generators back; a device that isn't here is left out."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
