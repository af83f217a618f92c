"""Processes that fork in mid-epoch: what children inherit is inert, and they load on their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers.forks import ending
from helpers.loaders import numpy_loader
from helpers.servers import find_nginx

from pcr.dataset.fork_gate import ForkGate
from pcr.errors import PCRError
from pcr.extension import native

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def in_child(action: object) -> str:
    """How a child ends that does this and no more; "" is well."""
    child = os.fork()
    if child == 0:
        try:
            action()  # type: ignore[operator]
        except BaseException:
            os._exit(1)
        os._exit(0)
    return ending(child)


@pytest.mark.parametrize(("place", "forks"), [("local", 40), ("served", 12)])
def test_children_end_well_whatever_they_do(place: str, forks: int) -> None:
    """They leave, close, drop and iterate; tests/stress/forks.py does the same more often."""
    if place == "served":
        find_nginx()
    done = subprocess.run(
        [sys.executable, ROOT / "tests/stress/forks.py", str(forks), "--place", place],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith(f"{forks} forks: {forks} good")


def test_an_inherited_iterator_says_where_its_threads_are(loader_root: Path) -> None:
    batches = iter(numpy_loader(loader_root, 2))
    next(batches)

    def go_on() -> None:
        with pytest.raises(PCRError, match=r"threads are those of process \d+"):
            next(batches)

    assert in_child(go_on) == ""
    next(batches)  # the parent's goes on


def test_a_child_may_begin_where_another_thread_was_in_the_midst_of_a_batch(
    loader_root: Path,
) -> None:
    loader = numpy_loader(loader_root, 2)
    forked, reached = threading.Event(), threading.Event()

    def loop() -> None:
        for _ in loader.source.begin(waiting):
            pass

    def waiting(*_: int) -> object:
        reached.set()
        forked.wait()
        yield

    thread = threading.Thread(target=loop)
    thread.start()
    reached.wait()
    assert in_child(lambda: next(iter(loader))) == ""
    forked.set()
    thread.join()


def test_a_native_pool_is_inert_in_a_child() -> None:
    pools = [native.DecodePool(2, dtype="uint8")]
    jobs = [pools[0].begin([b"x"], np.empty((1, 3, 2, 2), np.uint8))]

    def use() -> None:
        with pytest.raises(RuntimeError, match="in the process that made it"):
            pools[0].begin([b"x"], np.empty((1, 3, 2, 2), np.uint8))
        jobs.clear()
        pools.clear()

    assert in_child(use) == ""
    assert [index for index, _ in jobs[0].wait()] == [0]


def test_a_fork_waits_for_calls_into_sqlite() -> None:
    gate = ForkGate()
    entered, leave, order = threading.Event(), threading.Event(), []

    def call() -> None:
        with gate:
            entered.set()
            leave.wait(0.1)  # the fork comes meanwhile
            order.append("called")

    thread = threading.Thread(target=call)
    thread.start()
    entered.wait()
    assert in_child(lambda: gate.__enter__()) == ""
    order.append("forked")
    thread.join()
    assert order == ["called", "forked"]
