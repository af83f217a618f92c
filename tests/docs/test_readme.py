"""The README's commands and examples run as they stand, in order, at small scale."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTED = re.compile(
    r"<!-- tested( last)?: tests/docs/test_readme\.py -->\n```(\w+)\n(.*?)```", re.DOTALL
)

# What makes the same commands small: each must be in the README, or this test says so.
SMALLER = {
    "make_sample_dataset.py photos": "make_sample_dataset.py photos --train 96 --val 32",
    "pcr profile pcr_dataset": "pcr profile pcr_dataset --sample 4",
    "--epochs 3": "--epochs 1",
    "--image_size 64": "--image_size 32",
    "range(90)": "range(1)",
    "        train(images, labels)": "        print(images.shape, labels.shape)",
    "batch_size=64, num_threads=2": "batch_size=16, num_threads=2",
    'PCRIterator("pcr_dataset", batch_size=64, n_scans=5)': (
        'PCRIterator("pcr_dataset", batch_size=16, n_scans=5)'
    ),
}


@pytest.mark.slow
def test_the_walk_of_a_user(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for whole, small in SMALLER.items():
        assert whole in text
        text = text.replace(whole, small)
    blocks = sorted(TESTED.findall(text), key=lambda found: found[0])
    assert len(blocks) >= 6
    for entry in ROOT.iterdir():
        if entry.name.endswith(".py") or entry.name == "scripts":
            (tmp_path / entry.name).symlink_to(entry)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for _, language, block in blocks:
        command = ["bash", "-euc", block] if language == "sh" else [sys.executable, "-c", block]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert list((tmp_path / "plots").glob("*.png"))
