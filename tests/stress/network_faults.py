"""Epochs from a server of which a share of the answers is faulty: 5xx, cut short, a byte flipped, silence.

    PYTHONPATH=.:tests python tests/stress/network_faults.py 1000

Reads that many records in each epoch, one at every level. The faults are drawn from the seed, each
kind equally often; silence lasts until the loader gives up, after 10 s by default. The test suite
reads a few with a shorter limit; this is run by hand. Exit code 1 where an image was wrong or a
fault was not counted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from helpers.random_faults import at_rate, read_epochs
from helpers.servers import web_server
from helpers.toy_data import make_folder, make_pcr

from pcr.dataset.reader import Dataset
from pcr.storage.retries import Retries


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=int)
    parser.add_argument("--share", type=float, default=0.05, help="of the answers, 0 to 1")
    parser.add_argument("--silence_seconds", type=float, default=Retries.silence_seconds)
    parser.add_argument("--levels", type=int, nargs="+", default=[*range(1, 11)])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = make_folder(Path(folder, "images"), 4 * arguments.records)  # of two classes
        Path(folder, "files").mkdir()
        local = Dataset(make_pcr(images, Path(folder, "files", "dataset"), batch_size=8))
        Path(folder, "nginx").mkdir()
        with web_server(Path(folder, "files"), Path(folder, "nginx")) as server:
            begun = time.perf_counter()
            retries = Retries(silence_seconds=arguments.silence_seconds)
            choose = at_rate(arguments.share, arguments.seed)
            outcome = read_epochs(local, server.url, choose, retries, arguments.levels)
            elapsed_seconds = time.perf_counter() - begun
    faults = outcome.faults.total()
    print(f"{outcome.requests} requests in {elapsed_seconds:.0f} s, {faults} of them faulty:")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items())))
    print(f"  of the flips, {outcome.harmless} in bytes that nothing depends on")
    print(f"{outcome.retries} retries, {outcome.wrong_epochs} epochs with a wrong image")
    counted = outcome.retries == faults - outcome.harmless
    return 0 if counted and not outcome.wrong_epochs else 1


if __name__ == "__main__":
    sys.exit(main())
