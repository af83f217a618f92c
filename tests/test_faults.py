"""Each call of a command on a file fails or kills it in turn: see helpers/fault_trials.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.faults import Faults

ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="preloads a library"),
]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    return Faults.build(tmp_path_factory.mktemp("faults"))


def run_trials(faults: Faults, scenario: str, least_trials: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "helpers.fault_scenarios", scenario],
        env={**faults.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = done.stdout.splitlines()[-1]
    assert int(summary.split()[0]) >= least_trials


def test_converting_survives_each_fault(faults: Faults) -> None:
    run_trials(faults, "convert", 150)


def test_appending_survives_each_fault(faults: Faults) -> None:
    run_trials(faults, "append", 150)


def test_exporting_survives_each_fault(faults: Faults) -> None:
    run_trials(faults, "export", 90)


def test_adding_a_column_survives_each_fault(faults: Faults) -> None:
    run_trials(faults, "add_column", 50)


def test_a_checkpoint_survives_each_fault(faults: Faults) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    run_trials(faults, "checkpoint", 25)


def test_metrics_survive_each_fault(faults: Faults) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    run_trials(faults, "metrics", 20)


def test_training_survives_each_fault(faults: Faults) -> None:
    pytest.importorskip("torchvision", reason="of the extra 'train'")
    run_trials(faults, "train", 150)
