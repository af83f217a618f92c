"""Small source folders and the real commands, for the tests of the converter and its tools."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from helpers import jpegs
from pcr.dataset import layout

ROOT = Path(__file__).parents[2]
CONVERTER = (sys.executable, str(ROOT / "PCR_Converter.py"))
ADVANCED = (sys.executable, str(ROOT / "PCR_Converter_advanced.py"))
PCR = (sys.executable, "-m", "pcr")


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


def run(
    command: tuple[str, ...], *arguments: object, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output as text."""
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        cwd=ROOT,
        **options,
    )


def succeed(command: tuple[str, ...], *arguments: object) -> str:
    """Run a command that must succeed; what it printed."""
    result = run(command, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def fail(command: tuple[str, ...], *arguments: object, code: int = 1) -> str:
    """Run a command that must fail with one line; that line."""
    result = run(command, *arguments)
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def dataset_bytes(directory: Path) -> dict[str, bytes]:
    """The index and the records of a dataset, by name."""
    names = (layout.INDEX_FILE, layout.REPORT_FILE)
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.name in names or layout.record_number(path.name) is not None
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
