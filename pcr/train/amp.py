"""Number formats of a training step: what is in half precision, and how the loss is scaled.

They have the names of Apex's opt levels: O0 is float32; O1 computes in float16 where that is safe;
O2 also keeps the weights in float16 beside a float32 copy; O3 is float16 throughout. `torch.amp`
has no copies of weights, so with it O2 is O1.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pcr.errors import UsageError
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes

DYNAMIC_START_SCALE = 2.0**16


class Precision(Protocol):
    """How a step computes, whatever the formats are."""

    def cast(self, model: nn.Module) -> nn.Module:
        """The model in the format of its weights, before an optimizer is made for it."""

    def initialize(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Both, ready for the steps."""

    def replicate(self, model: nn.Module, processes: Processes) -> nn.Module:
        """The model, its gradients averaged over the processes."""

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which the forward pass and the loss are computed."""

    def step(self, loss: Tensor, optimizer: Optimizer) -> None:
        """Back-propagate the loss, then update the weights unless gradients overflowed."""

    def state_dict(self) -> dict[str, Any]:
        """The loss scale and its history; empty where the loss isn't scaled."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with that scale."""


class TorchPrecision:
    """`torch.amp`: autocast and GradScaler, both of which do nothing in float32."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        fp16 = config.precision in ("O1", "O2", "O3")
        self._weights = torch.float16 if config.precision == "O3" else torch.float32
        self._dtype = torch.float16 if fp16 else torch.bfloat16 if config.bf16 else None
        self._device_type = device.type
        self._static_scale = None if config.dynamic_loss_scale else config.static_loss_scale
        # GradScaler can't unscale float16 gradients, and float16 weights have no others.
        self._scaler = torch.amp.GradScaler(
            device.type,
            init_scale=self._static_scale or DYNAMIC_START_SCALE,
            enabled=fp16 and self._weights == torch.float32,
        )

    def cast(self, model: nn.Module) -> nn.Module:
        """See `Precision`."""
        return model.to(self._weights)

    def initialize(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """See `Precision`."""
        return model, optimizer

    def replicate(self, model: nn.Module, processes: Processes) -> nn.Module:
        """See `Precision`."""
        return processes.replicate(model)

    def autocast(self) -> AbstractContextManager[Any]:
        """See `Precision`."""
        return torch.autocast(self._device_type, self._dtype, enabled=self._dtype is not None)

    def step(self, loss: Tensor, optimizer: Optimizer) -> None:
        """See `Precision`."""
        optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(optimizer)
        self._scaler.update(self._static_scale if self._scaler.is_enabled() else None)

    def state_dict(self) -> dict[str, Any]:
        """See `Precision`."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Precision`."""
        if state and self._scaler.is_enabled():
            self._scaler.load_state_dict(state)


class ApexPrecision:
    """`apex.amp` and `apex.parallel`, of an Apex that still has them."""

    def __init__(self, config: TrainConfig) -> None:
        self._amp, self._parallel = _apex_modules()
        self._opt_level = config.precision
        self._loss_scale = "dynamic" if config.dynamic_loss_scale else config.static_loss_scale

    def cast(self, model: nn.Module) -> nn.Module:
        """See `Precision`."""
        return model

    def initialize(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """See `Precision`."""
        return self._amp.initialize(
            model, optimizer, opt_level=self._opt_level, loss_scale=self._loss_scale
        )

    def replicate(self, model: nn.Module, processes: Processes) -> nn.Module:
        """See `Precision`."""
        if processes.world_size == 1:
            return model
        return self._parallel.DistributedDataParallel(model)

    def autocast(self) -> AbstractContextManager[Any]:
        """See `Precision`; Apex has changed torch's functions themselves."""
        return nullcontext()

    def step(self, loss: Tensor, optimizer: Optimizer) -> None:
        """See `Precision`."""
        optimizer.zero_grad()
        with self._amp.scale_loss(loss, optimizer) as scaled:
            scaled.backward()
        optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """See `Precision`."""
        return self._amp.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Precision`."""
        if state:
            self._amp.load_state_dict(state)


def choose_precision(config: TrainConfig, device: torch.device) -> Precision:
    """What the configuration asks for on this device.

    Raises:
        UsageError: float16 or Apex was asked for where it can't be had.
    """
    if config.precision != "O0" and device.type != "cuda":
        raise UsageError(
            f"float16 needs a CUDA GPU, and this run uses the {device.type.upper()}: leave it out, "
            "use bf16, or choose the device cuda on a machine that has one",
            "fp16" if config.fp16 else "opt_level",
        )
    if config.amp_backend == "apex":
        return ApexPrecision(config)
    return TorchPrecision(config, device)


def create_optimizer(config: TrainConfig, model: nn.Module, device: torch.device) -> Optimizer:
    """SGD: torch's, or on a GPU Apex's fused one where Apex was built with it."""
    on_gpu = device.type == "cuda"
    arguments: dict[str, Any] = {
        "lr": config.lr,
        "momentum": config.momentum,
        "weight_decay": config.weight_decay,
    }
    if on_gpu:
        try:
            from apex.optimizers import FusedSGD

            return FusedSGD(model.parameters(), **arguments)
        except (ImportError, RuntimeError):  # RuntimeError: Apex without its CUDA extensions
            pass
    # Fused, it finds overflowed gradients on the device; otherwise GradScaler waits in each step.
    return torch.optim.SGD(model.parameters(), **arguments, fused=True if on_gpu else None)


def load_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Take over an optimizer's state, except whether it is fused: that depends on the device.

    Raises:
        ValueError: it is the state of other weights.
    """
    own = optimizer.state_dict()["param_groups"]
    groups = [_like(new, group) for new, group in zip(own, state["param_groups"], strict=True)]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, values in state["state"].items():
        _check_momentum(values, weights[number])
    optimizer.load_state_dict({**state, "param_groups": groups})


def _like(new: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """A saved group of weights, its settings of the types that a new one has."""
    for name, value in new.items():
        found = saved.get(name, value)
        types = (int, float) if isinstance(value, float) else type(value)
        if name != "fused" and not isinstance(found, types):
            raise ValueError(f"{name}: expected {type(value).__name__}, found {found!r:.40}")
    if saved["params"] != new["params"]:
        raise ValueError(f"expected {len(new['params'])} weights in order")
    return {**new, **saved, **({"fused": new["fused"]} if "fused" in new else {})}


def _check_momentum(values: dict[str, Any], weight: Tensor) -> None:
    for name, value in values.items():
        if value is not None and not (isinstance(value, Tensor) and value.shape == weight.shape):
            raise ValueError(f"{name}: expected a tensor of shape {tuple(weight.shape)}")


def _apex_modules() -> tuple[ModuleType, ModuleType]:
    try:
        from apex import amp, parallel
    except ImportError as error:
        raise UsageError(
            f"no NVIDIA Apex with apex.amp and apex.parallel is installed ({error}); newer ones don't "
            "have them: leave it out (torch.amp does the same), or build an older Apex from "
            "https://github.com/NVIDIA/apex",
            "amp_backend",
        ) from error
    return amp, parallel
