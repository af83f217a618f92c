"""Forks in mid-epoch, as many as asked for: counts the children that crash, hang or fail.

    PYTHONPATH=.:tests python tests/stress/forks.py 10000

The test suite forks some dozens; this is run by hand. Exit code 1 where a child ended badly.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from helpers import records
from helpers.forks import MODES, Inherited, ending, fork
from helpers.loaders import numpy_loader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("forks", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder, process = tempfile.mkdtemp(), os.getpid()
    try:
        root = records.make_dataset(Path(folder, "d"), (9, 9, 9, 4)).root
        held = Inherited(numpy_loader(root, 2, seed=arguments.seed))
        found = run(held, arguments.forks, random.Random(arguments.seed))
    finally:
        if os.getpid() == process:  # children end through here too
            shutil.rmtree(folder)
    print(f"{arguments.forks} forks: {found['']} good, {dict(found)}")
    return 0 if found[""] == arguments.forks else 1


def run(held: Inherited, forks: int, draw: random.Random) -> Counter[str]:
    found: Counter[str] = Counter()
    for number in range(forks):
        mode = list(MODES)[number % len(MODES)]
        for _ in range(draw.randrange(4)):
            held.step()
        time.sleep(draw.random() * 0.002)  # wherever the threads are by then
        problem = ending(fork(mode, held))
        found[problem and f"{mode}: {problem}"] += 1
    return found


if __name__ == "__main__":
    sys.exit(main())
