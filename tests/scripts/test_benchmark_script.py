"""dali_imagenet_bench_resnet18.sh: its arguments, and the command that it starts."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(training_data):
    return training_data


class TestBenchScript:
    def run(self, *arguments, **environment):
        script = ROOT / "dali_imagenet_bench_resnet18.sh"
        return subprocess.run(
            ["bash", script, *arguments],
            env={"PATH": "/usr/bin:/bin", **{k: str(v) for k, v in environment.items()}},
            capture_output=True,
            text=True,
        )

    @pytest.mark.parametrize("arguments", [[], ["ten"], ["0"], ["10", "x"], ["10"]])
    def test_usage(self, tmp_path, arguments):
        done = self.run(*arguments, valdir=tmp_path)
        assert done.returncode == 2
        assert "usage: bash dali_imagenet_bench_resnet18.sh N_SCANS" in done.stderr

    def test_flags(self, data, tmp_path):
        fake = tmp_path / "python3"
        fake.write_text('#!/bin/sh\necho "$@"\n')
        fake.chmod(0o755)
        done = self.run(
            "2", "7", PATH=f"{tmp_path}:/usr/bin:/bin", VIRTUAL_ENV=tmp_path,
            pcr_traindir=data / "pcr", valdir=data / "val", lr="0.4", extra_flags="--image_size 48",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "-b 128 --lr 0.4" in done.stdout
        assert "--n_scans 2 --seed 7" in done.stdout
        assert done.stdout.endswith(f"--image_size 48 {data / 'pcr'} {data / 'val'}\n")
