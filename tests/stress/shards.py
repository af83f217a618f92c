"""Shards that run at the same time, killed at random moments and repeated, then merged.

    PYTHONPATH=.:tests python tests/stress/shards.py 20

The test suite kills some shards at moments that files mark; this is run by hand. Exit code 1 where
the merged dataset is not that of a conversion in one go.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from helpers.conversions import PCR, dataset_bytes, make_folder, run, succeed
from helpers.killed_conversions import Conversion

SHARDS = 3
OPTIONS = ("--batch_size", "8", "--quiet", "--num_workers", "2")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = make_folder(root / "source", {"cat": 300, "dog": 300})
        begun = time.perf_counter()
        succeed(PCR, "convert", source, root / "whole", *OPTIONS)
        seconds = time.perf_counter() - begun
        draw = random.Random(arguments.seed)
        kills, datasets, wrong = 0, 0, 0
        while kills < arguments.kills:
            out = root / str(datasets)
            kills += killed(source, out, seconds, draw)
            wrong += dataset_bytes(out) != dataset_bytes(root / "whole")
            datasets += 1
    print(f"{kills} kills, {datasets} datasets, {wrong} of them not as converted in one go")
    return 1 if wrong else 0


def killed(source: Path, out: Path, seconds: float, draw: random.Random) -> int:
    """Make one dataset; how many shards and merges were killed."""
    commands = {
        shard: ("convert", source, out, *OPTIONS, "--shard", f"{shard}/{SHARDS}")
        for shard in range(SHARDS)
    }
    kills = 0
    for _ in range(3):
        running = [Conversion(out, *words, command=PCR) for words in commands.values()]
        for conversion in draw.sample(running, SHARDS):
            time.sleep(draw.random() * seconds / 2)
            kills += conversion.kill()
        if draw.random() < 0.5:
            run(PCR, "merge", out)  # too early, or not
    while not (out / "PCR.db").exists():
        for words in commands.values():
            run(PCR, *words)
        merging = Conversion(out, "merge", out, command=PCR)
        time.sleep(draw.random() * 0.1)
        kills += merging.kill()
    succeed(PCR, "merge", out)
    return kills


if __name__ == "__main__":
    sys.exit(main())
