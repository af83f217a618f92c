"""Faults of the disk on demand: the n-th write, fsync, rename … below a folder fails.

``faults.c`` is preloaded into a process (`environment`). Which call fails is in a file that this
class maps, so it can be changed from outside of the process, or by the process itself:

    faults = Faults.build(tmp_path)
    subprocess.run([...], env=faults.environment)

    faults = Faults.here()               # in that process, once for many trials
    for number in itertools.count(1):
        with faults.failing("write", number, under=folder, error=errno.ENOSPC) as fault:
            ...                          # what must survive it
        if not fault.happened:           # there are fewer calls than that
            break
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

FILE_CALLS = ("write", "fsync", "rename", "unlink", "read", "create", "truncate", "open", "mkdir")
CALLS = (*FILE_CALLS, "thread", "allocate")  # `enum call` of faults.c, from 1
KILLED = 0  # in place of an error: the process is killed before the call
_CONTROL = struct.Struct("=6i4096s")
_SEEN = struct.Struct("=20xi")
_VARIABLE = "PCR_FAULTS"


@dataclass
class Fault:
    """One trial."""

    calls: int = 0  # of this kind that were made
    happened: bool = False


class Faults:
    """The control of a preloaded process, and of those that it starts."""

    def __init__(self, control: Path, library: Path | None = None) -> None:
        self.control, self.library = control, library
        with control.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _CONTROL.size)

    @classmethod
    def build(cls, folder: Path) -> Faults:
        """The library, compiled into this folder; the test is skipped where nothing compiles C."""
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("no C compiler")
        library, control = folder / "faults.so", folder / "faults.control"
        source = Path(__file__).with_suffix(".c")
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl"],
            check=True,
        )
        control.write_bytes(bytes(_CONTROL.size))
        return cls(control, library)

    @classmethod
    def here(cls) -> Faults:
        """The control of this process, which was started with `environment`."""
        return cls(Path(os.environ[_VARIABLE]))

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process whose calls can fail; ASan's library, if any, stays first."""
        libraries = filter(None, [os.environ.get("LD_PRELOAD"), str(self.library)])
        return {**os.environ, "LD_PRELOAD": " ".join(libraries), _VARIABLE: str(self.control)}

    @contextmanager
    def failing(
        self,
        call: str,
        number: int,
        *,
        under: Path,
        error: int = errno.EIO,
        times: int = 1,
        torn: bool = False,
    ) -> Iterator[Fault]:
        """The ``number``-th such call on a file below ``under``, counted from 1, fails.

        "create" opens a file that may be new, "open" others and folders. "thread" starts one, and
        "allocate" asks for 64 KiB or more: those of the whole process count.

        0 only counts. ``times=0``: so do all later ones, as on a disk that stays full. ``torn``: the
        first write that fails writes half of its bytes.
        """
        kind, path = CALLS.index(call) + 1, os.fsencode(under.resolve())
        self._memory[:] = _CONTROL.pack(kind, number, times, error, torn, 0, path)
        fault = Fault()
        try:
            yield fault
        finally:
            (fault.calls,) = _SEEN.unpack(self._memory[: _SEEN.size])
            fault.happened = 0 < number <= fault.calls
            self._memory[:] = bytes(_CONTROL.size)
