"""The tutorial's commands run as they stand, in order, at small scale, and print what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.walks import ROOT, walk

SMALLER = {
    "make_sample_dataset.py photos\n": "make_sample_dataset.py photos --train 64 --val 16\n",
    "pcr profile dataset\n": "pcr profile dataset --sample 4\n",
    "--epochs 6": "--epochs 1",
    "--image_size 64": "--image_size 32",
    "batch_size=64": "batch_size=32",
}


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchvision", reason="of the extra 'train'")
    pytest.importorskip("skimage", reason="of the extra 'datasets'")
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    monkeypatch.chdir(tmp_path)
    walk("docs/tutorial.md", SMALLER)
    assert Path("runs.html").is_file() and list(Path("plots").glob("*.png"))
