"""``dali_main.py``, as the paper's scripts call it."""

import subprocess
import sys
from pathlib import Path

from helpers.training_runs import ARCH, values

ROOT = Path(__file__).parents[2]


def test_it_trains_into_a_folder_named_for_the_run(training_data: Path, tmp_path: Path) -> None:
    flags = [
        "-a",
        ARCH,
        "--b",
        "11",
        "-j",
        "1",
        "--image-size",
        "48",
        "--epochs",
        "1",
        "--seed",
        "0",
    ]
    folders = [training_data / "pcr", training_data / "val"]
    command = [sys.executable, ROOT / "dali_main.py", "--PCR_train", "--n_scans", "2", *flags]
    done = subprocess.run(
        [*command, "--local-rank=0", *folders], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run_2_0"]
    assert values(tmp_path / "run_2_0", "n_scans") == [2]
    assert "results in run_2_0" in done.stdout
