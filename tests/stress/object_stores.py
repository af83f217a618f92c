"""Conversions into an object store and copies between two places in it, killed at random moments.

    PYTHONPATH=.:tests python tests/stress/object_stores.py 20

Each is run again until it ends by itself. The test suite kills some at moments that objects mark;
this is run by hand. Exit code 1 where a dataset is not that of a local conversion.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from helpers.conversions import PCR, dataset_bytes, make_folder, succeed
from helpers.servers import BUCKET, CREDENTIALS, object_store

from pcr.dataset import layout
from pcr.storage.store import open_store

OPTIONS = ("--batch_size", "8", "--quiet", "--num_workers", "1")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # of the server
    kills = datasets = wrong = 0
    with tempfile.TemporaryDirectory() as folder, object_store() as endpoint:
        os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL=endpoint, TMPDIR=folder)
        source, whole = make_folder(Path(folder, "in"), {"cat": 150}), Path(folder, "whole")
        coarse = Path(folder, "coarse")
        succeed(PCR, "convert", source, whole, *OPTIONS)
        succeed(PCR, "copy", whole, coarse, "--n_scans", "3", "--quiet")
        while kills < arguments.kills:
            url = f"s3://{BUCKET}/{datasets}"
            for words, expected in (
                (["convert", str(source), url, *OPTIONS], whole),
                (["copy", url, f"{url}-copy", "--quiet"], whole),
                (["copy", url, f"{url}-coarse", "--quiet", "--n_scans", "3"], coarse),
            ):
                made = url if words[0] == "convert" else words[2]
                kills += killed(words, made, draw)
                wrong += stored(made) != dataset_bytes(expected)
                datasets += 1
    print(f"{kills} kills, {datasets} datasets, {wrong} of them not as made in one go")
    return 1 if wrong else 0


def killed(words: list[str], made: str, draw: random.Random) -> int:
    """Run a command until it has made its dataset; how often it was killed."""
    kills = 0
    while True:
        process = subprocess.Popen([*PCR.words, *words], stdout=subprocess.DEVNULL)
        if kills < 3:
            time.sleep(draw.uniform(0.3, 3))
            process.kill()
        code = process.wait()
        if code == 0:
            return kills
        if code != -signal.SIGKILL:
            raise SystemExit(f"{words} ended with {code}")
        kills += 1
        if is_finished(made):  # killed at its very end
            return kills


def is_finished(url: str) -> bool:
    """Whether there is an index, and no plan."""
    store = open_store(url)
    return store.size(layout.INDEX_FILE) is not None and store.size(layout.PLAN_FILE) is None


def stored(url: str) -> dict[str, bytes]:
    """All files of a dataset at a URL but for the timings, by name."""
    store = open_store(url)
    names = set(layout.dataset_files(store)) - {layout.TIMINGS_FILE, layout.COPY_FILE}
    return {name: store.read(name) for name in names}


if __name__ == "__main__":
    sys.exit(main())
