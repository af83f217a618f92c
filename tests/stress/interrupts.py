"""Ctrl-C at random times in loops of short epochs: counts the processes that do not end by it.

    PYTHONPATH=.:tests python tests/stress/interrupts.py 1000

Each must end in time, killed by the KeyboardInterrupt that nobody caught: within 2 s on a machine
that does nothing else. The test suite sends some dozens, with more time; this is run by hand. Exit
code 1 where a process ended in another way.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from helpers import records
from helpers.loaders import numpy_loader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("interrupts", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit_seconds", type=float, default=2.0, help="time to end in")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was ignored
    folder, process = tempfile.mkdtemp(), os.getpid()
    draw = random.Random(arguments.seed)
    try:
        root = records.make_dataset(Path(folder, "d"), (4, 3)).root
        endings = [
            interrupt(root, draw, arguments.limit_seconds) for _ in range(arguments.interrupts)
        ]
    finally:
        if os.getpid() == process:  # children end through here too
            shutil.rmtree(folder)
    found = Counter(ending for ending, _ in endings)
    slowest = max(seconds for _, seconds in endings)
    print(f"{len(endings)} interrupts: {found['']} good, {dict(found)}, slowest {slowest:.3f} s")
    return 0 if found[""] == len(endings) else 1


def interrupt(root: Path, draw: random.Random, limit_seconds: float) -> tuple[str, float]:
    """How a process ended that was interrupted, "" is well, and after how many seconds."""
    began, begins = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # its traceback
        loop(root, begins)
    os.close(begins)
    os.read(began, 1)
    os.close(began)
    time.sleep(draw.random() * 0.03)
    os.kill(child, signal.SIGINT)
    start = time.monotonic()
    while (elapsed_seconds := time.monotonic() - start) < limit_seconds:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return "" if code == -signal.SIGINT else f"exit code {code}", elapsed_seconds
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang", elapsed_seconds


def loop(root: Path, begins: int) -> None:
    loader = numpy_loader(root, 4, concurrent_reads=3)
    os.write(begins, b"1")
    while True:
        for _ in loader:
            pass


if __name__ == "__main__":
    sys.exit(main())
