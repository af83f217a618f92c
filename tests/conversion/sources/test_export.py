"""Exports with columns, converted again: the same dataset."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.conversions import PCR, contents, fail, make_folder, succeed
from helpers.sources import columns_of, write_metadata

from pcr.dataset.reader import Dataset

TYPES = {
    "caption": "str",
    "score": "float32",
    "count": "uint8",
    "boxes": "float32[?,4]",
    "meta": "json",
    "raw": "bytes",
    "flag": "bool",
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Columns of each kind; names with dots, of two classes that the labels number otherwise."""
    root = tmp_path_factory.mktemp("export")
    folder = make_folder(root / "images", {"cat": 3, "ant": 4})
    (folder / "cat" / "000.jpg").rename(folder / "cat" / "0.0.0.JPEG")
    rows = [
        {
            "file_name": str(path.relative_to(folder)),
            "cls": int(path.parent.name == "ant"),
            "label": path.parent.name,
            "caption": f"é\n{number}",
            "score": number / 3,
            "count": number,
            "boxes": [[0.1, 2, 3, 4]] * (number % 3),
            "meta": {"a": [number, None]},
            "raw": base64.b64encode(b"\0\1" * number).decode("ascii"),
            "flag": number % 2 == 0,
        }
        for number, path in enumerate(sorted(folder.rglob("*.*")))
    ]
    write_metadata(folder / "metadata.jsonl", rows)
    flags = [flag for name, type in TYPES.items() for flag in ("--column", f"{name}:{type}")]
    succeed(PCR, "convert", folder, root / "dataset", *flags, "--batch_size", "3", "--quiet")
    return root / "dataset"


def by_name(root: Path) -> dict[str, tuple[str, bytes]]:
    """Class and JPEG of each image of a dataset."""
    classes = Dataset(root).classes
    return {name: (classes[label], jpeg) for name, label, jpeg in contents(root)}


def convert_again(folder: Path, out: Path) -> None:
    types = [flag for name, type in TYPES.items() for flag in ("--column", f"{name}:{type}")]
    succeed(PCR, "convert", folder, out, *types, "--quiet")


def test_a_folder_with_metadata(dataset: Path, tmp_path: Path) -> None:
    succeed(PCR, "export", dataset, tmp_path / "folder", "--quiet")
    convert_again(tmp_path / "folder", tmp_path / "again")
    assert by_name(tmp_path / "again") == by_name(dataset)
    assert columns_of(tmp_path / "again") == columns_of(dataset)
    lines = (tmp_path / "folder" / "metadata.jsonl").read_text().splitlines()
    assert {"file_name", *TYPES} == json.loads(lines[0]).keys() and len(lines) == 7


def test_tar_shards(dataset: Path, tmp_path: Path) -> None:
    """One for each record; with the classes' names and numbers."""
    printed = succeed(
        PCR, "export", dataset, tmp_path / "tars", "--format", "webdataset", "--quiet"
    )
    assert "cat/0.0.0.JPEG is cat/0_0_0.JPEG" in printed
    assert [path.name for path in sorted((tmp_path / "tars").iterdir())] == [
        "000000.tar",
        "000001.tar",
        "000002.tar",
    ]
    convert_again(tmp_path / "tars", tmp_path / "again")
    assert Dataset(tmp_path / "again").classes == Dataset(dataset).classes == ("cat", "ant")
    name = {"cat/0.0.0.JPEG": "cat/0_0_0.JPEG"}
    expected = {name.get(key, key): value for key, value in by_name(dataset).items()}
    assert by_name(tmp_path / "again") == expected
    columns = {name.get(key, key): value for key, value in columns_of(dataset).items()}
    assert columns_of(tmp_path / "again") == columns


def test_webdataset_reads_the_tar_shards(dataset: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="of the extra 'dev'")
    succeed(PCR, "export", dataset, tmp_path, "--format", "webdataset", "--n_scans", "2", "--quiet")
    pattern = str(tmp_path / "{000000..000002}.tar")
    samples: list[dict[str, Any]] = list(
        webdataset.WebDataset(pattern, shardshuffle=False).decode()
    )
    assert len(samples) == 7
    columns = columns_of(dataset)
    for sample in samples:
        row = columns.get(f"{sample['__key__']}.jpg") or columns["cat/0.0.0.JPEG"]
        assert sample["json"]["caption"] == row["caption"] and sample["raw.bin"] == row["raw"]
        assert sample["boxes.npy"].tolist() == row["boxes"]
        assert sample["json"]["label"] == ("cat", "ant")[sample["cls"]]


def test_hugging_face_reads_the_folder(dataset: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="of the extra 'dev'")
    succeed(PCR, "export", dataset, tmp_path / "folder", "--quiet")
    found = datasets.load_dataset(
        "imagefolder",
        data_dir=str(tmp_path / "folder"),
        split="train",
        cache_dir=str(tmp_path / "c"),
    )
    captions = {row["caption"] for row in columns_of(dataset).values()}
    assert set(found["caption"]) == captions and found[0]["image"].size


def test_images_outside_of_their_class(dataset: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", {"a": 2})
    rows = [{"file_name": f"a/{n:03d}.jpg", "label": name} for n, name in enumerate("xy")]
    write_metadata(folder / "metadata.jsonl", rows)
    succeed(PCR, "convert", folder, tmp_path / "dataset", "--quiet")
    printed = succeed(PCR, "export", tmp_path / "dataset", tmp_path / "out", "--quiet")
    assert "a/001.jpg is y/a/001.jpg" in printed
    assert (tmp_path / "out" / "x" / "a" / "000.jpg").is_file()
    assert not (tmp_path / "out" / "metadata.jsonl").exists()  # there are no columns


def test_a_folder_that_is_not_empty(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "000001.tar").write_text("mine")
    assert "--force" in fail(PCR, "export", dataset, tmp_path, "--format", "webdataset", "--quiet")
    assert [path.name for path in tmp_path.iterdir()] == ["000001.tar"]
