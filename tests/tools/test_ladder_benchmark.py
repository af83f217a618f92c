"""The benchmark of ladders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
from helpers import records
from helpers.conversions import (
    ROOT,
)


def benchmark(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/ladders.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_benchmark_measures_any_ladder_on_a_folder(tmp_path: Path) -> None:
    images, out = tmp_path / "images" / "class", tmp_path / "out"
    images.mkdir(parents=True)
    for number, data in enumerate(records.sources(3)):
        (images / f"{number}.JPEG").write_bytes(data)
    mine = tmp_path / "mine.txt"
    mine.write_text("0,1,2: 0-0, 0, 0;\n0: 1-63, 0, 0;\n1: 1-63, 0, 0;\n2: 1-63, 0, 0;\n")
    result = benchmark(images.parent, "--ladders", "bitplane", mine, "--tries", 1, "--out", out)
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(out / "ladders.csv")
    assert table.groupby("ladder").size().to_dict() == {"bitplane": 10, "mine": 4}
    assert (out / "ladders.md").read_text() in result.stdout
    missing = benchmark(tmp_path / "out", "--ladders", "bitplane")
    assert missing.returncode == 1
    assert "expected JPEGs" in missing.stderr
