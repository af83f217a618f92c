"""scripts/make_sample_dataset.py: real crops, reproducible, train and val disjoint."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.conversions import Command, run, run_process
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import make_sample_dataset as sample  # noqa: E402

SCRIPT = Command(
    lambda words: sys.exit(sample.main(words)),
    (sys.executable, str(ROOT / "scripts/make_sample_dataset.py")),
)
ARGUMENTS = ("--train", "48", "--val", "32")


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder)}".encode() + path.read_bytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "new" / "folder"
    result = run_process(SCRIPT, out, *ARGUMENTS)
    assert result.returncode == 0, result.stderr
    assert "48 training and 32 validation images of 16 classes" in result.stdout
    return out


def test_it_is_an_image_folder_with_the_counts_asked_for(dataset: Path) -> None:
    assert sorted(p.name for p in dataset.iterdir()) == ["train", "val"]
    for split, count in (("train", 3), ("val", 2)):
        classes = sorted((dataset / split).iterdir())
        assert [p.name for p in classes] == sorted(sample.PHOTOGRAPHS)
        assert all(len(list(folder.glob("*.jpg"))) == count for folder in classes)


def test_the_images_vary_as_real_ones_do(dataset: Path) -> None:
    layouts, sizes, tables = set(), set(), set()
    for path in dataset.rglob("*.jpg"):
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert min(image.size) >= 256 and max(image.size) <= 500
            image.load()
            layouts.add((image.mode, tuple(layer[1:3] for layer in image.layer)))
            sizes.add(image.size)
            tables.add(tuple(image.quantization[0]))
            assert np.asarray(image).std() > 2
    assert {mode for mode, _ in layouts} == {"L", "RGB"}
    assert len([mode for mode, _ in layouts if mode == "RGB"]) == 3  # 4:4:4, 4:2:2, 4:2:0
    assert len(sizes) > 40
    assert len(tables) == len(sample.QUALITIES)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    dataset: Path, tmp_path: Path
) -> None:
    assert run(SCRIPT, tmp_path / "again", *ARGUMENTS).returncode == 0
    assert run(SCRIPT, tmp_path / "other", *ARGUMENTS, "--seed", "1").returncode == 0
    assert digest(tmp_path / "again") == digest(dataset)
    assert digest(tmp_path / "other") != digest(dataset)


def test_force_is_needed_for_a_folder_that_is_not_empty_and_spares_the_rest(
    dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "train/old_class").mkdir(parents=True)
    refused = run(SCRIPT, tmp_path, *ARGUMENTS)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr and "--force" in refused.stderr
    assert (tmp_path / "train/old_class").is_dir()

    assert run(SCRIPT, tmp_path, *ARGUMENTS, "--force").returncode == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert digest(tmp_path / "train") == digest(dataset / "train")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--train", "3"), "--train: expected at least 16"),
        (("--val", "0"), "--val: expected at least 16"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run(SCRIPT, tmp_path, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(SCRIPT, tmp_path / "file", *ARGUMENTS)
    assert result.returncode == 1
    assert str(tmp_path / "file") in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def stop(crop: sample.Crop, photograph: Image.Image, root: Path) -> int:
        written.append(root)
        raise OSError("No space left on device")

    monkeypatch.setattr(sample, "write_crop", stop)
    assert sample.main([str(tmp_path / "out"), *ARGUMENTS]) == 1
    assert written
    assert not list((tmp_path / "out").iterdir())


@given(st.integers(400, 1500), st.integers(300, 1500))
def test_train_and_val_blocks_tile_the_photograph_without_overlap(width: int, height: int) -> None:
    covered = np.zeros((height, width), np.uint8)
    for split in sample.SPLITS:
        for left, top, right, bottom in sample.blocks((width, height), split):
            covered[top:bottom, left:right] += 1
    assert (covered == 1).all()


@given(st.integers(0, 2**32), st.sampled_from(sample.SPLITS))
def test_a_crop_shows_only_its_own_split(seed: int, split: str) -> None:
    noise = np.random.default_rng(0).integers(0, 100, (300, 451), np.uint8)
    for left, top, right, bottom in sample.blocks((451, 300), "val"):
        noise[top:bottom, left:right] += 128  # validation pixels are bright, the others dark
    photograph = Image.fromarray(noise).convert("RGB")
    window = np.asarray(sample.cut(photograph, split, np.random.default_rng(seed)))
    assert (window >= 128).all() == (split == "val")
    assert (window < 128).all() == (split == "train")
