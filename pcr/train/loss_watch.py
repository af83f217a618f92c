"""Losses and weights that are NaN or infinite: noticed on the device, told once by all processes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from pcr.errors import PCRError
from pcr.train.config import TrainConfig
from pcr.train.processes import MaxLater, Processes

_STEPS = 2**40  # more than an epoch has
_NEVER = 2**62


class NotFinite(PCRError):  # noqa: N818  (like Stopped, an end that was asked for)
    """`stop_on_nan` ended the run."""


class LossWatch:
    """Finds the first step of any process that had no finite loss.

    Losses are compared on the device. The processes ask each other in one `check` and read the
    answer in the next, so that none waits for another.
    """

    def __init__(self, config: TrainConfig, processes: Processes) -> None:
        self._config, self._processes = config, processes
        self._first = torch.tensor(_NEVER, device=processes.device)  # of this process
        self._asked: MaxLater | None = None
        self._told = False

    def note(self, values: Iterable[Tensor], epoch: int, step: int) -> None:
        """Take in what must be finite after this many steps of the epoch; waits for nothing."""
        here = self._first.clamp(max=epoch * _STEPS + step)
        for value in values:
            finite = torch.isfinite(value.detach()).all().to(here.device)
            self._first = torch.where(finite, self._first, here)

    def check(self) -> None:
        """Tell what the last check asked for, then ask again; to be called by all processes.

        Raises:
            NotFinite: something was not finite, and `stop_on_nan` is set.
        """
        self._answer()
        self._ask()

    def settle(self) -> None:
        """The same, and wait for the answer."""
        self.check()
        self._answer()

    def _ask(self) -> None:
        if not self._told:
            self._asked = self._processes.max_later(-int(self._first))

    def _answer(self) -> None:
        first, self._asked = -self._asked.result() if self._asked else _NEVER, None
        if first != _NEVER:
            self._told = True
            self._tell(*divmod(first, _STEPS))

    def _tell(self, epoch: int, step: int) -> None:
        place = f"epoch {epoch + 1}/{self._config.epochs}, iteration {step}"
        found = f"{place}: expected a finite loss and finite weights, found NaN or infinity"
        if self._config.stop_on_nan:
            raise NotFinite(
                f"{found}: lower `lr` and continue from the last checkpoint with `resume='auto'`"
            )
        self._processes.warn(f"{found}: lower `lr`, or end such a run with `stop_on_nan`")
