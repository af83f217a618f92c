"""Readers that share a cache, killed at random moments: counts what is wrong afterwards.

    PYTHONPATH=.:tests python tests/stress/cache_kills.py 20

Two processes read at changing levels through a cache that holds half of the dataset; one is killed.
Then the cache must be within its limit, and a new reader must get every byte right. The test suite
kills a few; this is run by hand. Exit code 1 where something was wrong.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
from pathlib import Path

from helpers import records
from helpers.servers import web_server

from pcr.dataset.reader import Dataset


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        local = records.make_dataset(Path(folder, "d"), (9, 9, 9, 4))
        Path(folder, "nginx").mkdir()
        limit = sum(record.file_bytes for record in local.records) // 2
        with web_server(local.root, Path(folder, "nginx")) as server:
            trial = Trial(local, server.url, Path(folder, "cache"), limit)
            wrong = [problem for _ in range(arguments.kills) for problem in trial.run(draw)]
    print(f"{arguments.kills} kills: {'; '.join(wrong) or 'nothing wrong served'}")
    return 1 if wrong else 0


class Trial:
    """A dataset on disk and on a server, and a cache that holds a part of it."""

    def __init__(self, local: Dataset, url: str, cache: Path, limit: int) -> None:
        self.local, self.url, self.cache, self.limit = local, url, cache, limit
        self.expected = {
            (record.number, level): record.read(level).data.tobytes()
            for record in local.records
            for level in range(1, local.levels + 1)
        }

    def open(self) -> Dataset:
        return Dataset(self.url, cache=self.cache, cache_limit=self.limit)

    def run(self, draw: random.Random) -> list[str]:
        """What was wrong after one kill."""
        context = multiprocessing.get_context("fork")
        begun = context.Semaphore(0)
        readers = [context.Process(target=self.loop, args=(begun, draw.random())) for _ in range(2)]
        for reader in readers:
            reader.start()
        for _ in range(draw.randrange(2, 60)):
            begun.acquire()
        readers[0].kill()
        readers[0].join()
        begun.acquire(timeout=10)  # the other one goes on
        found = self.check(draw)
        died = readers[1].exitcode is not None
        readers[1].kill()
        readers[1].join()
        return [*found, *["a reader ended"] * died]

    def loop(self, begun: object, seed: float) -> None:
        draw, dataset = random.Random(seed), self.open()
        while True:
            begun.release()  # type: ignore[attr-defined]
            self.read(dataset, draw)

    def read(self, dataset: Dataset, draw: random.Random) -> bool:
        """Whether a record is right at some level."""
        place = (draw.randrange(len(dataset.records)), draw.randrange(1, dataset.levels + 1))
        found = dataset.records[place[0]].read(place[1]).data.tobytes()
        if found != self.expected[place]:
            raise SystemExit(f"wrong bytes of {place}")
        return True

    def check(self, draw: random.Random) -> list[str]:
        wrong = [] if self.held_bytes() <= self.limit else [f"{self.held_bytes()} bytes held"]
        dataset = self.open()
        for _ in range(20):
            self.read(dataset, draw)
        if dataset.store.counters.retries:
            wrong.append(f"{dataset.store.counters.retries} files were damaged")
        return wrong

    def held_bytes(self) -> int:
        """The sizes of all files; those that vanish meanwhile have none."""
        return sum(_size(path) for folder in self.cache.iterdir() for path in folder.glob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
