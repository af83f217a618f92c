"""The house in order: files that can be read at one sitting, modules that are told apart by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "DatasetConversion", "native", "pcr", "scripts", "tests")
SUFFIXES = {".py", ".pyi", ".cpp", ".hpp", ".inl", ".sh"}
MOST_LINES = 300


def sources() -> list[Path]:
    """The files of code that people write; those of protobuf are generated."""
    found = [*ROOT.glob("*"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
    return [path for path in found if path.suffix in SUFFIXES and "_generated" not in path.parts]


def test_no_file_is_longer_than_300_lines() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert len(lines) > 200
    assert {path.name: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_no_two_modules_share_a_name() -> None:
    names = Counter(path.stem for path in (ROOT / "pcr").rglob("*.py"))
    assert len(names) > 50
    assert [name for name, count in names.items() if count > 1 and name != "__init__"] == []
