"""Ctrl-C while an epoch starts: no thread goes on, and the process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.loaders import drain, numpy_loader

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("reader", ["of batches", "of records"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_ctrl_c_while_a_thread_starts(
    reader: str, moment: str, loader_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(thread: threading.Thread) -> None:
        monkeypatch.undo()
        if moment == "after":
            thread.start()
        raise KeyboardInterrupt

    loader = numpy_loader(loader_root, 2)
    epoch = loader if reader == "of batches" else loader.source
    before = threading.active_count()
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        next(iter(epoch))
    assert threading.active_count() == before, caught  # whose frames still hold all they had
    assert len(drain(loader)) == loader.source.num_images


def test_a_process_ends_while_its_last_error_holds_an_epoch(loader_root: Path) -> None:
    """Finalizers run in any order: a thread may wait for another that was ended first."""
    code = f"""
from pcr.loading.loader import Loader
batches = iter(Loader({str(loader_root)!r}, 2, output="numpy", prefetch_batches=1))
next(batches)
raise KeyboardInterrupt
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGINT


def test_processes_end_by_ctrl_c_wherever_they_are() -> None:
    """tests/stress/interrupts.py does the same more often, and asks for 2 s on an idle machine."""
    words = ("20", "--limit_seconds", "60")  # to tell a hang; other tests run at the same time
    done = subprocess.run(
        [sys.executable, ROOT / "tests/stress/interrupts.py", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("20 interrupts: 20 good")
