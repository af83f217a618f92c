"""SIGTERM and SIGINT end a run after a step, the same on all processes, and lose no work."""

from __future__ import annotations

import signal
from types import TracebackType

from pcr.errors import PCRError
from pcr.signals import NotedSignal
from pcr.train.processes import MaxLater, Processes


class Stopped(PCRError):  # noqa: N818  (neither the program nor its input is wrong)
    """A signal ended the run."""

    def __init__(self, number: int, where: str = "") -> None:
        self.number = number
        super().__init__(f"stopped by {signal.Signals(number).name}{where}")


class StopRequest:
    """Notes SIGTERM and SIGINT while its block runs; a second one has its usual effect."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._noted = NotedSignal()
        self._asked: MaxLater | None = None

    def check(self) -> None:
        """To be called after each batch, by all processes.

        A signal ends all of them at the call after the next: they ask each other in one call and
        read the answer in the next, so that no process waits for another.

        Raises:
            Stopped: some process was told to stop.
        """
        agreed = self._asked.result() if self._asked else 0
        if agreed:
            raise Stopped(agreed)
        self._asked = self._processes.max_later(self._noted.number)

    def __enter__(self) -> StopRequest:
        self._noted.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._noted.__exit__()
        if error is None and self._asked:
            self._asked.result()
