"""Each call of a command fails in turn, in a process whose calls can fail (see `faults`).

For each kind of call the command runs as often as it makes such calls, each time in a fresh copy of
the same folder, and each time another call fails. Then it must have ended with one line that names
a file, or as if nothing had happened, with nothing lost and no temporary file left; and what its
user runs next must come to the same files as without the fault.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from helpers.conversions import Result
from helpers.faults import KILLED, Fault, Faults
from pcr.atomic import TEMPORARY_SUFFIX


@dataclass(frozen=True)
class Kind:
    """A kind of call, how it fails, and how often from then on (0: always)."""

    call: str
    error: int
    times: int = 1
    torn: bool = False

    def __str__(self) -> str:
        how = errno.errorcode.get(self.error, "killed")
        return f"{self.call} {how}{' torn' * self.torn}"


KINDS = (
    Kind("write", errno.ENOSPC, times=0, torn=True),
    Kind("write", errno.EIO),
    Kind("fsync", errno.EIO),
    Kind("rename", errno.EIO),
    Kind("unlink", errno.EIO),
    Kind("read", errno.EIO),
    Kind("create", errno.ENOSPC, times=0),
    Kind("truncate", errno.EIO),
    Kind("open", errno.EMFILE),
    Kind("open", errno.EIO),
    Kind("mkdir", errno.ENOSPC),
    Kind("thread", errno.EAGAIN, times=0),
    Kind("allocate", errno.ENOMEM),
    *(Kind(call, KILLED) for call in ("write", "fsync", "rename", "unlink", "create", "mkdir")),
)

Files = dict[str, bytes]


@dataclass(frozen=True)
class Scenario:
    """A command on a folder.

    prepare: fills the folder. run: the command. again: what its user runs after it failed.
    kept: whether a file that was there before, by its name in the folder, must stay as it is.
    contents: what must be the same in a file, whichever run wrote it.
    intact: whether the folder is as it must be after a fault.
    """

    prepare: Callable[[Path], object]
    run: Callable[[Path], Result]
    again: Callable[[Path], Result]
    kinds: tuple[Kind, ...] = KINDS
    kept: Callable[[str], bool] = lambda _: True
    contents: Callable[[Path], bytes] = Path.read_bytes
    intact: Callable[[Path], bool] = lambda _: True


@dataclass
class Trials:
    """All trials of a scenario, below one folder; prints a line for each violation, and counts."""

    scenario: Scenario
    faults: Faults
    folder: Path
    trials: int = 0
    violations: int = 0

    def run(self) -> None:
        """Let each call of each kind fail."""
        (self.folder / "prepared").mkdir()
        self.scenario.prepare(self.folder / "prepared")
        self._before = self._files(self.folder / "prepared")
        with self._copy() as place:
            assert self.scenario.run(place).returncode == 0
            self._whole = self._files(place)
        for kind in self.scenario.kinds:
            tried = itertools.takewhile(partial(self._try, kind), itertools.count(1))
            calls = sum(1 for _ in tried)
            self.trials += calls
            print(f"{kind}: {calls} calls", flush=True)

    def _try(self, kind: Kind, number: int) -> bool:
        """One trial; whether there was such a call."""
        with self._copy() as place:
            with self.faults.failing(
                kind.call, number, under=place, error=kind.error, times=kind.times, torn=kind.torn
            ) as fault:
                run = _ended_in_a_child if kind.error == KILLED else _ended
                result = run(self.scenario.run, place)
            found = (*self._wrong(fault, result, place), *self._not_kept(kind, place))
            again = self._not_the_same_again(place)
            lines = [f"{kind} {number}: {line}" for line in (*found, *again)]
            self.violations += len(lines)
            print(*lines, sep="\n", end="\n" * bool(lines), flush=True)
        return fault.happened

    def _wrong(self, fault: Fault, result: Result, place: Path) -> Iterator[str]:
        """What is wrong with how the command ended."""
        if result.returncode == -signal.SIGKILL and fault.happened:
            return
        if result.returncode not in (0, 1) or (result.returncode and not fault.happened):
            yield f"exit code {result.returncode}: {result.stderr}"
        if result.returncode == 1 and not _is_one_line(result.stderr, place):
            yield result.stderr
        if result.returncode == 0 and (other := _differences(self._files(place), self._whole)):
            yield f"success, but other files: {other}"

    def _not_kept(self, kind: Kind, place: Path) -> Iterator[str]:
        """What is wrong with the files before anything else runs."""
        files = self._files(place)
        left = [name for name in files if name.endswith(TEMPORARY_SUFFIX)]
        if left and kind.call != "unlink" and kind.error != KILLED:
            yield f"left {left}"
        kept = {name: data for name, data in self._before.items() if self.scenario.kept(name)}
        if lost := [name for name, data in kept.items() if files.get(name) != data]:
            yield f"lost or changed {lost}"
        if not self.scenario.intact(place):
            yield "not intact"

    def _not_the_same_again(self, place: Path) -> Iterator[str]:
        """What is wrong after the user's next command."""
        if self._files(place) == self._whole:
            return
        result = _ended(self.scenario.again, place)
        different = _differences(self._files(place), self._whole)
        if result.returncode or different:
            yield f"again: {result.stderr} {different}"

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        place = self.folder / "trial"
        shutil.copytree(self.folder / "prepared", place)
        try:
            yield place
        finally:
            shutil.rmtree(place)

    def _files(self, folder: Path) -> Files:
        paths = (path for path in folder.rglob("*") if path.is_file())
        return {p.relative_to(folder).as_posix(): self.scenario.contents(p) for p in paths}


def _ended(command: Callable[[Path], Result], place: Path) -> Result:
    try:
        return command(place)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        frames = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(where))
        return Result(99, "", f"{type(error).__name__}: {error} ({frames})")


def _ended_in_a_child(command: Callable[[Path], Result], place: Path) -> Result:
    """The command in a process of its own, which may be killed."""
    child = os.fork()
    if child == 0:
        os._exit(_ended(command, place).returncode)
    return Result(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "", "")


def _is_one_line(text: str, place: Path) -> bool:
    if text == "error: out of memory\n":  # of no file
        return True
    return text.count("\n") == 1 and text.startswith("error: ") and str(place) in text


def _differences(found: Files, expected: Files) -> list[str]:
    return sorted(n for n in {*found, *expected} if found.get(n) != expected.get(n))
