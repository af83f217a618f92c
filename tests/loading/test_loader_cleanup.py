"""Threads, files and memory that Loader leaves behind: none."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.loaders import SMALL, drain, numpy_loader
from helpers.threads import all_gone_but, entries, native_threads, needs_proc

from pcr.errors import FormatError
from pcr.loading.windows import TrainTransform


@needs_proc
@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
def test_nothing_runs_when_the_iterator_is_dropped(
    loader_root: Path, transform: TrainTransform | None
) -> None:
    loader = numpy_loader(loader_root, 2, transform=transform)
    gc.collect()
    gc.disable()  # from here on reference counts alone must do
    try:
        before, files = native_threads(), entries("fd")
        batches = iter(loader)
        next(batches)
        assert len(native_threads() - before) >= 3
        del batches
        assert all_gone_but(before)
        for _ in loader:
            break
        assert all_gone_but(before)
        drain(loader)
        assert all_gone_but(before) and entries("fd") == files
    finally:
        gc.enable()


@needs_proc
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_runs_after_an_exception_in_the_loop(
    loader_root: Path, error: type[BaseException]
) -> None:
    before = native_threads()
    with pytest.raises(error), numpy_loader(loader_root, 2) as loader:
        for _ in loader:
            raise error
    assert all_gone_but(before)
    with pytest.raises(error):
        for _ in numpy_loader(loader_root, 2):
            raise error
    assert all_gone_but(before)


@needs_proc
def test_nothing_is_left_after_ctrl_c(loader_root: Path) -> None:
    before, files, shared = native_threads(), entries("fd"), set(Path("/dev/shm").iterdir())
    loader = numpy_loader(loader_root, 2)
    # A process that was started in the background ignores the signal.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            for _ in range(1000):  # the signal comes wherever the loop is by then
                for batch, _ in enumerate(loader):
                    if batch == 3:
                        threading.Thread(target=signal.raise_signal, args=[signal.SIGINT]).start()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert all_gone_but(before) and entries("fd") == files
    assert set(Path("/dev/shm").iterdir()) <= shared


def test_memory_is_bounded_and_stays_flat_over_20_epochs(loader_root: Path) -> None:
    """In batches of 16 float images of 224 x 224: 9.6 MB."""
    code = f"""
import resource
from pcr.loading.loader import Loader

def drain(epochs):
    for _ in range(epochs):
        for images, labels in loader:
            assert images.nbytes <= 9_633_792
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

loader = Loader({str(loader_root)!r}, 16, output="numpy", num_threads=2)
empty, early = drain(0), drain(4)
print(early - empty, drain(20) - early)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    used, growth = map(int, done.stdout.split())
    assert used < 9 * 9_633_792
    assert growth < 9_633_792


@needs_proc
def test_nothing_runs_after_an_error_of_the_loader(damaged_root: Path) -> None:
    before, python_threads = native_threads(), threading.active_count()
    loader = numpy_loader(damaged_root, 2)
    with pytest.raises(FormatError):
        drain(loader)
    assert all_gone_but(before)
    assert threading.active_count() == python_threads


def test_an_interpreter_ends_in_mid_epoch(loader_root: Path) -> None:
    code = f"""
from pcr.loading.loader import Loader
loader = Loader({str(loader_root)!r}, 2, output="numpy")
batches = iter(loader)
next(batches)
raise SystemExit(3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (3, b"")
