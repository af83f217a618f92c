"""Errors of the disk while a dataset is read: one line, and it names the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.conversions import ROOT
from helpers.faults import Faults


@pytest.mark.skipif(sys.platform != "linux", reason="preloads a library")
def test_each_read_fails(converted: Path, tmp_path: Path) -> None:
    environment = {**Faults.build(tmp_path).environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    printed = subprocess.run(
        [sys.executable, "-m", "helpers.reading_faults", converted, tmp_path / "levels.png"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert printed.splitlines() == ["info: reads", "verify: reads", "show: reads"]
