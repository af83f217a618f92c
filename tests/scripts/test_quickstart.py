"""The whole path of scripts/quickstart.sh, small, in the environment that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_quickstart_ends_with_a_table_and_pictures(tmp_path: Path) -> None:
    small = {
        "PCR_TRAIN_IMAGES": "32",
        "PCR_VAL_IMAGES": "16",
        "PCR_EPOCHS": "1",
        "PCR_IMAGE_SIZE": "32",
        "PCR_BATCH_SIZE": "16",
        "OMP_NUM_THREADS": "1",
    }
    result = subprocess.run(
        ["bash", "scripts/quickstart.sh"],
        cwd=ROOT,
        env={**os.environ, **small, "VIRTUAL_ENV": sys.prefix, "PCR_OUT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    table = result.stdout.split("MB/epoch")[1].splitlines()
    runs = [line.split() for line in table if " scans " in line]
    assert [run[:3] for run in runs] == [["10", "scans", "10"], ["2", "scans", "2"]]
    full_megabytes, low_megabytes = (float(run[3]) for run in runs)
    assert 0 < low_megabytes < full_megabytes / 2
    for name in ("accuracy", "loss", "images_per_second"):
        assert (tmp_path / f"plots/{name}.png").is_file()
