"""Properties that are worked out at first use."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

from helpers.forks import ending

from pcr.lazy import lazy


@dataclass(frozen=True)
class Square:
    side: int
    calls: list[int] = field(default_factory=list)

    @lazy
    def area(self) -> int:
        """Of the whole."""
        self.calls.append(self.side)
        return self.side**2


def test_a_value_is_worked_out_once_for_each_object() -> None:
    two, three = Square(2), Square(3)
    assert (two.area, two.area, three.area) == (4, 4, 9)
    assert (two.calls, three.calls) == ([2], [3])
    assert Square.area.__doc__ == "Of the whole."


def test_a_child_need_not_wait_for_a_thread_that_it_does_not_have() -> None:
    inside, leave = threading.Event(), threading.Event()

    class Slow:
        @lazy
        def value(self) -> int:
            inside.set()
            leave.wait()
            return 1

    thread = threading.Thread(target=lambda: Slow().value)
    thread.start()
    inside.wait()
    leave_in_child = leave.set
    child = os.fork()
    if child == 0:
        leave_in_child()
        os._exit(0 if Slow().value == 1 else 1)
    leave.set()
    thread.join()
    assert ending(child) == ""
