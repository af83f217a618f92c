"""Every path that a command takes, where something else is there than it expects."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.conversions import PCR, run
from helpers.special_files import OTHER_KINDS, special_file

DATASET, SOURCE, PATH, NEW = "DATASET", "SOURCE", "PATH", "NEW"


@pytest.mark.parametrize(
    "words",
    [
        ("info", PATH),
        ("verify", PATH, "--quiet"),
        ("export", PATH, NEW, "--quiet"),
        ("export", DATASET, PATH, "--quiet"),
        ("profile", PATH),
        ("profile", DATASET, "--quiet", "--sample", "1", "--out", PATH),
        ("show", PATH, "cat/000.jpg"),
        ("show", DATASET, "cat/000.jpg", "--levels", "1", "--out", PATH),
        ("convert", PATH, NEW, "--quiet"),
        ("convert", SOURCE, PATH, "--quiet"),
        ("convert", SOURCE, NEW, "--quiet", "--ladder", PATH),
        ("plot", PATH),
    ],
    ids=" ".join,
)
def test_a_path_to_something_else(
    words: tuple[str, ...], photos: Path, converted: Path, tmp_path: Path
) -> None:
    """One line, whatever is there; or success, where a folder may be there."""
    for kind in ("directory", "pipe", *OTHER_KINDS):
        if (words[0], kind) == ("plot", "pipe"):
            continue  # a shell hands over such: pcr plot <(…)
        path = tmp_path / kind / "x.png"
        path.parent.mkdir()
        places = {DATASET: converted, SOURCE: photos, PATH: path, NEW: path.parent / "new"}
        with special_file(path, kind):
            result = run(PCR, *(places.get(word, word) for word in words))
        if result.returncode != 0:
            (line,) = result.stderr.splitlines()
            assert line.startswith("error: ") and str(path) in line
        if kind == "file":
            assert path.read_text() == "mine"
