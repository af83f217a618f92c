"""The benchmark of ladders."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
from helpers import records

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_it_measures_any_ladder_on_a_folder(tmp_path: Path) -> None:
    images, out = tmp_path / "images" / "class", tmp_path / "out"
    images.mkdir(parents=True)
    for number, data in enumerate(records.sources(3)):
        (images / f"{number}.JPEG").write_bytes(data)
    mine = tmp_path / "mine.txt"
    mine.write_text("0,1,2: 0-0, 0, 0;\n0: 1-63, 0, 0;\n1: 1-63, 0, 0;\n2: 1-63, 0, 0;\n")
    command = [sys.executable, BENCHMARKS / "ladders.py", images.parent, "--out", out]
    result = subprocess.run(
        [*command, "--ladders", "bitplane", mine, "--tries", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(out / "ladders.csv")
    assert table.groupby("ladder").size().to_dict() == {"bitplane": 10, "mine": 4}
    assert (out / "ladders.md").read_text() in result.stdout


def test_a_folder_without_jpegs_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", ["ladders.py", str(tmp_path), "--ladders", "bitplane"])
    with pytest.raises(SystemExit, match=r"^ladders\.py: .*: expected JPEGs .* found none$"):
        import_module("ladders").main()
