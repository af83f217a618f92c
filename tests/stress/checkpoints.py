"""Damages a checkpoint in thousands of ways, and counts what becomes of it. Run by hand:

PYTHONPATH=tests python tests/stress/checkpoints.py [NUMBER [SEED]]
"""

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import torch
from helpers import damaged_checkpoints as damaged
from helpers.toy_data import make_folder, make_pcr
from helpers.training_runs import config

from pcr.train import checkpoint, engine


def main(number: int = 2000, seed: int = 0) -> None:
    """Try so many, of each kind equally many; ends with an error at the first surprise."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        root, rng = Path(name), random.Random(seed)
        last, previous = trained(root), root / "whole"
        whole, contents = last.read_bytes(), checkpoint.load(last)
        previous.write_bytes(whole)
        found: Counter[tuple[str, str]] = Counter()
        for i in range(number):
            kind = damaged.KINDS[i % len(damaged.KINDS)]
            damaged.damage(kind, whole, last, rng)
            found[kind, damaged.outcome(last, previous, contents)] += 1
        for (kind, what), times in sorted(found.items()):
            print(f"{kind:10} {what:10} {times:6}")


def trained(root: Path) -> Path:
    """Train an epoch; its checkpoint."""
    make_folder(root / "train", 6)
    make_folder(root / "val", 2, seed=1)
    make_pcr(root / "train", root / "pcr")
    engine.run(config(root, output_dir=root / "run", epochs=1, lr=0.01))
    return root / "run" / checkpoint.LAST_FILE


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
