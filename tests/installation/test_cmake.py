"""What CMake says where libraries are missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_all_missing_libraries_are_named_each_in_one_line(tmp_path: Path) -> None:
    """As docs/guides/installation.md shows them; what is installed is hidden."""
    cmake = shutil.which("cmake") or pytest.skip("no cmake here")
    hidden = ["-DCMAKE_DISABLE_FIND_PACKAGE_JPEG=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON"]
    hidden += ["-DPROTOZERO_INCLUDE_DIR=OFF", "-DPCR_PYTHON=OFF"]
    result = subprocess.run(
        [cmake, "-S", ROOT / "native", "-B", tmp_path, *hidden],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    lines = [line.strip() for line in result.stderr.splitlines() if "not found" in line]
    page = (ROOT / "docs/guides/installation.md").read_text(encoding="utf-8").splitlines()
    assert lines and lines == [line for line in page if " not found: " in line]
