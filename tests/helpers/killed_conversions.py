"""Conversions in processes of their own, to be killed at moments that the files they write mark."""

from __future__ import annotations

import os
import signal
from contextlib import redirect_stderr, redirect_stdout
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from threading import RLock

from tqdm import tqdm

from helpers.conversions import CONVERTER, Command, dataset_bytes
from pcr.atomic import TEMPORARY_SUFFIX
from pcr.dataset import layout
from pcr.storage.local import LocalStore

_NUMBERS = count()


class Conversion:
    """A command in a process forked from this one, followed through the files that it writes."""

    def __init__(self, out: Path, *words: object, command: Command = CONVERTER) -> None:
        self.out, self.log = out, out.with_name(f"{out.name}.{next(_NUMBERS)}.log")
        self.log.touch()  # a process may be killed before it writes
        self.process = get_context("fork").Process(
            target=_run, args=(command, [*map(str, words)], self.log)
        )
        self.process.start()

    def wait_for(self, *names: str) -> Conversion:
        """Until one of these files is there, or the process has ended."""
        while self.process.is_alive() and not any((self.out / name).exists() for name in names):
            os.sched_yield()
        return self

    def end(self, number: signal.Signals) -> tuple[int | None, str]:
        """Send a signal; the exit code and what was printed."""
        if self.process.is_alive():
            os.kill(self.process.ident or 0, number)
        return self.join()

    def join(self) -> tuple[int | None, str]:
        """The exit code and what was printed."""
        self.process.join()
        return self.process.exitcode, self.log.read_text()

    def kill(self) -> bool:
        """Send SIGKILL; whether the process had not ended before."""
        return self.end(signal.SIGKILL)[0] == -signal.SIGKILL


def assert_same_dataset(out: Path, converted: Path) -> None:
    """The same bytes, and nothing left of how they came to be."""
    assert dataset_bytes(out) == dataset_bytes(converted)
    assert not [path for path in out.iterdir() if path.name.endswith(TEMPORARY_SUFFIX)]
    assert not (out / layout.PLAN_FILE).exists()
    assert not layout.shard_plans(LocalStore(out)) and not (out / layout.SHARDS_LOCK_FILE).exists()


def _run(command: Command, words: list[str], log: Path) -> None:
    """What the forked process does."""
    tqdm.set_lock(RLock())  # its own is shared by forks: one that is killed would keep it for ever
    with log.open("w") as file, redirect_stdout(file), redirect_stderr(file):
        command.main(words)
