"""Number formats of a training step: what runs in half precision, and how the loss is scaled for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pcr.errors import UsageError
from pcr.train.config import TrainConfig


@dataclass(frozen=True)
class Precision:
    """Autocast and loss scaling; both do nothing at full precision, so a step never asks which it is."""

    device_type: str
    enabled: bool
    scaler: torch.amp.GradScaler
    static_scale: float | None

    @classmethod
    def from_config(cls, config: TrainConfig, device: torch.device) -> Precision:
        """What the flags ask for on this device.

        Raises:
            UsageError: half precision was asked for on a CPU.
        """
        if config.fp16 and device.type != "cuda":
            raise UsageError(
                f"--fp16 needs a CUDA GPU, and this run uses the {device.type.upper()}: "
                "leave it out, or choose --device cuda on a machine that has one"
            )
        static_scale = None if config.dynamic_loss_scale else config.static_loss_scale
        scaler = torch.amp.GradScaler(
            device.type, init_scale=static_scale or 2.0**16, enabled=config.fp16
        )
        return cls(device.type, config.fp16, scaler, static_scale)

    def autocast(self) -> torch.autocast:
        """The context in which the forward pass and the loss are computed."""
        return torch.autocast(
            self.device_type,
            dtype=torch.float16 if self.enabled else None,
            enabled=self.enabled,
        )

    def step(self, loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Back-propagate the loss and update the weights; a step with overflowed gradients is left out."""
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(optimizer)
        self.scaler.update(self.static_scale if self.enabled else None)
