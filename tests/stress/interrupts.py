"""Ctrl-C at random times in loops of short epochs: counts the processes that do not end by it.

    PYTHONPATH=.:tests python tests/stress/interrupts.py 1000

Each must end within 2 s, killed by the KeyboardInterrupt that nobody caught. The test suite sends
some dozens; this is run by hand. Exit code 1 where a process ended in another way.
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

DEADLINE_SECONDS = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("interrupts", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was ignored
    folder, process = tempfile.mkdtemp(), os.getpid()
    draw = random.Random(arguments.seed)
    try:
        root = records.make_dataset(Path(folder, "d"), (4, 3)).root
        found = Counter(interrupt(root, draw) for _ in range(arguments.interrupts))
    finally:
        if os.getpid() == process:  # children end through here too
            shutil.rmtree(folder)
    print(f"{arguments.interrupts} interrupts: {found['']} good, {dict(found)}")
    return 0 if found[""] == arguments.interrupts else 1


def interrupt(root: Path, draw: random.Random) -> str:
    """How a process ended that was interrupted: "" is well."""
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
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return "" if code == -signal.SIGINT else f"exit code {code}"
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"


def loop(root: Path, begins: int) -> None:
    loader = numpy_loader(root, 4, concurrent_reads=3)
    os.write(begins, b"1")
    while True:
        for _ in loader:
            pass


if __name__ == "__main__":
    sys.exit(main())
