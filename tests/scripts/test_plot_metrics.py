"""scripts/plot_metrics.py, as it is called."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts/plot_metrics.py"


def test_it_draws_from_any_folder(tmp_path: Path) -> None:
    rows = "iteration,epoch,type,value\n0,0,images_per_second,12\n"
    (tmp_path / "train_data_0.csv").write_text(rows)
    command = [sys.executable, SCRIPT, "train_data_0.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "images/s" in done.stdout
    assert (tmp_path / "images_per_second.png").is_file()
