"""The guides on frameworks and on migrating run as they stand, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import records
from helpers.conversions import make_folder
from helpers.sources import make_rows, write_tars
from helpers.toy_data import make_folder as make_toys
from helpers.toy_data import make_pcr
from helpers.walks import walk

from pcr.dataset.reader import Dataset

pytest.importorskip("torchvision", reason="of the extra 'train'")
GUIDES = "docs/guides"
SMALLER_TRAINING = {
    "--epochs 5": "--epochs 1",
    "--image_size 64": "--image_size 32",
    "--autotune-start 2": "--autotune-start 0 --autotune-batches 1",
}


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder photos/train below the current one."""
    monkeypatch.chdir(tmp_path)
    return make_folder(tmp_path / "photos" / "train", {"cat": 4, "dog": 3})


def test_frameworks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records.make_dataset(tmp_path / "pcr_dataset", (4, 3))
    monkeypatch.chdir(tmp_path)
    assert {"loader", "dataset", "arrays"} <= walk(f"{GUIDES}/frameworks.md").keys()


@pytest.mark.usefixtures("photos")
def test_from_imagefolder() -> None:
    names = walk(f"{GUIDES}/migrating/imagefolder.md", {"num_workers=2": "num_workers=0"})
    before, dataset = names["before"].dataset, names["dataset"]
    assert before.classes == dataset.classes and before.class_to_idx == dataset.class_to_idx
    labels = {"/".join(Path(path).parts[-2:]): label for path, label in before.samples}
    assert labels == dict(dataset.samples)


def test_from_webdataset(photos: Path) -> None:
    pytest.importorskip("webdataset", reason="of the extra 'dev'")
    Path("shards").mkdir()
    write_tars(photos, make_rows(photos), "shards/train-%06d.tar", per_tar=4)
    walk(f"{GUIDES}/migrating/webdataset.md")
    assert len(Dataset("pcr_dataset")) == 7 and list(Path("shards_again").glob("*.tar"))


@pytest.mark.usefixtures("photos")
def test_from_ffcv_but_for_its_own_code() -> None:
    assert walk(f"{GUIDES}/migrating/ffcv.md").keys() >= {"after", "images"}


@pytest.mark.slow
def test_choosing_a_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_pcr(make_toys(tmp_path / "photos" / "train", 6), tmp_path / "dataset")
    make_toys(tmp_path / "photos" / "val", 3)
    walk(f"{GUIDES}/levels.md", SMALLER_TRAINING)
    assert Path("run_auto_0/train_data_0.csv").is_file() and list(Path("plots").glob("*.png"))
