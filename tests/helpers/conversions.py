"""Small source folders and the real commands, for the tests of the converter and its tools."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from helpers import jpegs
from pcr.cli.command import main as script_main
from pcr.cli.main import main as pcr_main
from pcr.dataset import layout
from pcr.dataset.reader import Dataset

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Command:
    """One of the programs: its entry point, and the words that start it as a process."""

    main: Callable[[list[str]], NoReturn]
    words: tuple[str, ...]


CONVERTER = Command(partial(script_main, "basic"), (sys.executable, str(ROOT / "PCR_Converter.py")))
ADVANCED = Command(
    partial(script_main, "convert"), (sys.executable, str(ROOT / "PCR_Converter_advanced.py"))
)
PCR = Command(pcr_main, (sys.executable, "-m", "pcr"))


@dataclass(frozen=True)
class Result:
    """What a program printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def make_folder(root: Path, classes: dict[str, int]) -> Path:
    """An ImageFolder of small real JPEGs, each another one, that many per class."""
    for class_name, images in classes.items():
        (root / class_name).mkdir(parents=True, exist_ok=True)
        for number in range(images):
            width, quality = 40 + number % 37, 60 + (number + len(class_name)) % 35
            mode = "L" if number % 5 == 4 else "RGB"
            path = root / class_name / f"{number:03d}.jpg"
            path.write_bytes(jpegs.encode(jpegs.photo(width, 48, mode), quality=quality))
    return root


def run(command: Command, *arguments: object) -> Result:
    """Run a command to its end in this process."""
    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            command.main([*map(str, arguments)])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return Result(ended.value.code or 0, out.getvalue(), err.getvalue())


def run_process(
    command: Command, *arguments: object, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a process of its own."""
    return subprocess.run(
        [*command.words, *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        cwd=ROOT,
        **options,
    )


def succeed(command: Command, *arguments: object) -> str:
    """Run a command that must succeed; what it printed."""
    result = run(command, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def fail(command: Command, *arguments: object, code: int = 1) -> str:
    """Run a command that must fail with one line; that line."""
    result = run(command, *arguments)
    assert result.returncode == code, result.stdout + result.stderr
    (line,) = result.stderr.splitlines()
    return line


def dataset_bytes(directory: Path) -> dict[str, bytes]:
    """The index, the records and the columns beside them of a dataset, by name."""
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.name == layout.REPORT_FILE or path.name.endswith(layout.DATABASE_SUFFIX)
    }


def state(root: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of every file below a folder, by name."""
    return {
        os.fsdecode(path.relative_to(root)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in root.rglob("*")
        if path.is_file()
    }


def contents(root: Path, level: int | None = None) -> list[tuple[str, int, bytes]]:
    """Name, label and JPEG of every image of a dataset, in order."""
    dataset = Dataset(root)
    found = []
    for record in dataset.records:
        images = record.read(level or dataset.levels)
        names = [image.name for image in record.info().images]
        jpeg = [images[i].tobytes() for i in range(len(images))]
        found += list(zip(names, images.labels.tolist(), jpeg, strict=True))
    return found
