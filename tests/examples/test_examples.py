"""The examples train on a small dataset, as their first lines say."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.toy_data import make_folder, make_pcr

import pcr

pytest.importorskip("torch", reason="of the extra 'train'")
EXAMPLES = Path(__file__).parents[2] / "examples"
IMAGES = 22
MOST_LINES = 60


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three batches, with captions and boxes."""
    root = tmp_path_factory.mktemp("examples")
    made = make_pcr(make_folder(root / "folder", IMAGES // 2), root / "dataset")
    names = pcr.Dataset(made).names
    captions = {name: f"something {name.split('/')[0]}" for name in names}
    pcr.add_column(made, "caption", captions, type="str")
    boxes = {name: [[4, 4, 40, 44]] * (number % 3) for number, name in enumerate(names)}
    pcr.add_column(made, "boxes", boxes, type="float32[?,4]")
    return made


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples write to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run an example in this process; what it printed."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        capsys.readouterr()
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def launch(*words: object) -> str:
    """Run a program with processes of its own; what they printed."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def images_of(printed: str) -> list[int]:
    """How many images each line tells of."""
    return [int(number) for number in re.findall(r"(\d+) images", printed)]


def test_each_is_short() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.py")}
    assert lines and max(lines.values()) < MOST_LINES, lines


def test_pytorch_resumes_in_mid_epoch(run, dataset: Path) -> None:
    assert images_of(run("train_pytorch", dataset, "--steps", 2)) == [8, 8]
    assert images_of(run("train_pytorch", dataset, "--epochs", 2)) == [6, 8, 8, 6]


def test_lightning_with_two_processes_resumed_with_one(run, dataset: Path) -> None:
    pytest.importorskip("lightning", reason="of the extra 'dev'")
    printed = launch(EXAMPLES / "train_lightning.py", dataset, "--steps", 1)
    assert sorted(re.findall(r"rank (\d), step 0: (\d) images", printed)) == [
        ("0", "4"),
        ("1", "4"),
    ]
    (checkpoint,) = Path("checkpoints").glob("*.ckpt")
    assert images_of(run("train_lightning", dataset, "--devices", 1, "--resume", checkpoint)) == [
        4,
        4,
        4,
        2,
    ]


def test_accelerate_with_two_processes(dataset: Path) -> None:
    pytest.importorskip("accelerate", reason="of the extra 'dev'")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", 2)
    printed = launch(*launcher, EXAMPLES / "train_accelerate.py", dataset)
    assert f"{IMAGES} images in 2 processes" in printed


def test_timm(run, dataset: Path) -> None:
    pytest.importorskip("timm", reason="of the extra 'dev'")
    printed = run("train_timm", dataset, "--workers", 0, "--epochs", 2)
    assert images_of(printed) == [8, 8] * 2  # as timm has it in training, without the rest


def test_jax(run, dataset: Path) -> None:
    pytest.importorskip("jax", reason="of the extra 'dev'")
    pytest.importorskip("optax", reason="of the extra 'dev'")
    assert images_of(run("train_jax", dataset, "--epochs", 2)) == [16, 16]


def test_clip(run, dataset: Path) -> None:
    printed = run("train_clip", dataset, "--epochs", 2)
    assert images_of(printed) == [8, 8, 6] * 2
    losses = [float(loss) for loss in re.findall(r"loss ([0-9.]+)", printed)]
    assert losses[-1] < losses[0]


def test_detection(run, dataset: Path) -> None:
    printed = run("train_detection", dataset)
    assert images_of(printed) == [8, 8, 6]
    assert all(float(loss) < 100 for loss in re.findall(r"loss (\S+)", printed))


def test_dali(run, dataset: Path) -> None:
    pytest.importorskip("nvidia.dali", reason="of the extra 'train' on Linux")
    assert images_of(run("train_dali", dataset, "--epochs", 2)) == [IMAGES, IMAGES]
