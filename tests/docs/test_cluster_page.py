"""The commands of docs/guides/cluster.md convert a dataset, as their schedulers would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from docs.test_pages import blocks
from helpers.conversions import PCR, dataset_bytes, make_folder, succeed

PAGE = "docs/guides/cluster.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With photos/train, the dataset that they make in one go, and bin/pcr."""
    make_folder(tmp_path / "photos" / "train", {"cat": 5, "dog": 5})
    succeed(PCR, "convert", tmp_path / "photos" / "train", tmp_path / "whole", "--quiet")
    program = tmp_path / "bin" / "pcr"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pcr "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(folder: Path, *words: str, **variables: str) -> None:
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, **variables, "PATH": path}
    subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True)


def check(folder: Path) -> None:
    assert dataset_bytes(folder / "dataset") == dataset_bytes(folder / "whole")


@pytest.mark.slow
def test_xargs(folder: Path) -> None:
    (script,) = blocks(PAGE, "sh")
    run(folder, "sh", "-ec", script)
    check(folder)


@pytest.mark.slow
def test_the_slurm_script(folder: Path) -> None:
    (script,) = blocks(PAGE, "bash")
    assert "#SBATCH --array=0-7" in script
    for task in range(8):
        variables = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "8"}
        run(folder, "bash", "-ec", script, **variables, SLURM_CPUS_PER_TASK="2")
    succeed(PCR, "merge", folder / "dataset")
    check(folder)


@pytest.mark.slow
def test_the_kubernetes_job(folder: Path) -> None:
    yaml = pytest.importorskip("yaml")
    (text,) = blocks(PAGE, "yaml")
    job = yaml.safe_load(text)["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert job["completionMode"] == "Indexed"
    for index in range(job["completions"]):
        words = [*container["command"], *container["args"]]
        run(folder, *words, JOB_COMPLETION_INDEX=str(index))
    succeed(PCR, "merge", folder / "dataset")
    check(folder)
