"""Every call of a command fails once, in a process whose calls can fail (see `faults`).

    python -m helpers.fault_trials SCENARIO

For each kind of call and each of its errors the command runs as often as it makes such calls, in a
fresh copy of the same folder, and each time another call fails. Then it must have ended with one
line that names a file, or as if nothing had happened; with nothing lost and no temporary file left;
and run again it must come to the same bytes as without the fault. Prints a line per violation, and
at the end how many trials there were.
"""

from __future__ import annotations

import errno
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from helpers.conversions import Result
from helpers.faults import Fault, Faults
from pcr.atomic import TEMPORARY_SUFFIX


@dataclass(frozen=True)
class Kind:
    """A kind of call, how it fails, and how often from then on (0: always)."""

    call: str
    error: int
    times: int = 1
    torn: bool = False

    def __str__(self) -> str:
        return f"{self.call} {errno.errorcode[self.error]}{' torn' * self.torn}"


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
)

Files = dict[str, bytes]


@dataclass(frozen=True)
class Scenario:
    """A command on a folder.

    prepare: fills the folder. run: the command, undisturbed or not. again: what its user runs after
    it failed. kept: the files that may not change, whatever happens; None: all that are there.
    ignored: files that differ in each run.
    """

    prepare: Callable[[Path], None]
    run: Callable[[Path], Result]
    again: Callable[[Path], Result]
    kinds: tuple[Kind, ...] = KINDS
    kept: Callable[[str], bool] = lambda name: True
    ignored: tuple[str, ...] = ()


@dataclass
class Trials:
    """All trials of a scenario, below one folder."""

    scenario: Scenario
    faults: Faults
    folder: Path
    trials: int = 0
    violations: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Try each call of each kind."""
        self.scenario.prepare(self.folder / "prepared")
        self.before = self._files(self.folder / "prepared")
        with self._copy() as place:
            assert self.scenario.run(place).returncode == 0
            self.whole = self._files(place)
        for kind in self.scenario.kinds:
            numbers = itertools.takewhile(
                lambda n, kind=kind: self._try(kind, n), itertools.count(1)
            )
            self.trials += sum(1 for _ in numbers)

    def _try(self, kind: Kind, number: int) -> bool:
        """One trial; whether there was such a call."""
        with self._copy() as place:
            with self.faults.failing(
                kind.call, number, under=place, error=kind.error, times=kind.times, torn=kind.torn
            ) as fault:
                result = self.scenario.run(place)
            for violation in self._found(kind, fault, result, place):
                self.violations.append(f"{kind} {number}: {violation}")
        return fault.happened

    def _found(self, kind: Kind, fault: Fault, result: Result, place: Path) -> Iterator[str]:
        files = self._files(place)
        if result.returncode not in (0, 1) or (result.returncode and not fault.happened):
            yield f"exit code {result.returncode}: {result.stderr}"
        if result.returncode == 1 and not _is_one_line(result.stderr, place):
            yield result.stderr
        if result.returncode == 0 and files != self.whole:
            yield f"success, but other files: {_differences(files, self.whole)}"
        if kind.call != "unlink" and (left := [n for n in files if n.endswith(TEMPORARY_SUFFIX)]):
            yield f"left {left}"
        kept = {name: data for name, data in self.before.items() if self.scenario.kept(name)}
        if lost := [name for name, data in kept.items() if files.get(name) != data]:
            yield f"lost or changed {lost}"
        if files != self.whole:
            again = self.scenario.again(place)
            if again.returncode or (files := self._files(place)) != self.whole:
                yield f"again: {again.stderr or _differences(files, self.whole)}"

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
        names = {path.relative_to(folder).as_posix(): path for path in paths}
        return {
            name: path.read_bytes()
            for name, path in names.items()
            if path.name not in self.scenario.ignored
        }


def _is_one_line(text: str, place: Path) -> bool:
    return text.count("\n") == 1 and text.startswith("error: ") and str(place) in text


def _differences(found: Files, expected: Files) -> list[str]:
    return sorted(n for n in {*found, *expected} if found.get(n) != expected.get(n))
