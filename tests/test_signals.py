"""Signals that wait until a program is ready for them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from pcr.signals import NotedSignal


class _ByHandlerError(Exception):
    pass


def _raise(number: int, _: FrameType | None) -> None:
    raise _ByHandlerError(number)


@pytest.fixture(autouse=True, params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    old = signal.signal(request.param, _raise)
    yield request.param
    signal.signal(request.param, old)


def test_a_signal_waits_until_it_is_delivered(number: signal.Signals) -> None:
    with NotedSignal() as noted:
        noted.deliver()  # nothing came
        signal.raise_signal(number)
        assert noted.number == number
        with pytest.raises(_ByHandlerError):
            noted.deliver()
        noted.deliver()  # once only
    assert signal.getsignal(number) is _raise


def test_a_second_signal_does_not_wait(number: signal.Signals) -> None:
    with NotedSignal():
        signal.raise_signal(number)
        with pytest.raises(_ByHandlerError):
            signal.raise_signal(number)
    assert signal.getsignal(number) is _raise


def test_a_handler_that_the_usual_effect_installed_stays(number: signal.Signals) -> None:
    def once(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)

    signal.signal(number, once)
    with NotedSignal() as noted:
        signal.raise_signal(number)
        noted.deliver()
    assert signal.getsignal(number) is signal.SIG_IGN


def test_other_threads_note_nothing(number: signal.Signals) -> None:
    handlers = []

    def enter() -> None:
        with NotedSignal():
            handlers.append(signal.getsignal(number))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [_raise]
