"""SIGINT and SIGTERM, kept until a program is ready for them."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class NotedSignal:
    """Notes SIGTERM or SIGINT while its block runs; a second one has its usual effect.

    Outside of the main thread, where Python runs no handlers, it notes nothing.
    """

    def __init__(self) -> None:
        self.number = 0  # of the signal, once one came
        self._old: dict[int, Any] = {}

    def deliver(self) -> None:
        """Give the signal that was noted its usual effect, which may raise."""
        if self.number:
            number, self.number = self.number, 0
            signal.raise_signal(number)

    def __enter__(self) -> NotedSignal:
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            for number in (signal.SIGTERM, signal.SIGINT):
                self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            if signal.getsignal(number) == self._note:  # else a usual effect was to change it
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.number = number
        signal.signal(number, self._old[number])
