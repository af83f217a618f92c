"""Forks in mid-epoch, as many as asked for: counts the children that crash, hang or fail.

    PYTHONPATH=.:tests python tests/stress/forks.py 10000

The test suite forks some dozens; this is run by hand. Exit code 1 where a child ended badly.
"""

from __future__ import annotations

import argparse
import contextlib
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
from helpers.servers import web_server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("forks", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", choices=("local", "served"), default="local")
    arguments = parser.parse_args()
    folder, process = tempfile.mkdtemp(), os.getpid()
    server = contextlib.ExitStack()
    try:
        root = records.make_dataset(Path(folder, "d"), (9, 9, 9, 4)).root
        place: Path | str = root
        if arguments.place == "served":
            Path(folder, "nginx").mkdir()
            place = server.enter_context(web_server(root, Path(folder, "nginx"))).url
        held = Inherited(numpy_loader(place, 2, seed=arguments.seed, concurrent_reads=3))
        found = run(held, arguments.forks, random.Random(arguments.seed))
        server.close()
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
