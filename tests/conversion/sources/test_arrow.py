"""Hugging Face's datasets on disk: the images, labels and columns of the folder that they were made of."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from helpers.conversions import PCR, contents, dataset_bytes, fail, succeed
from helpers.sources import columns_of, hugging_face
from PIL import Image

from pcr.dataset.reader import Dataset
from pcr.tabular.parquet import load_pyarrow

datasets = pytest.importorskip("datasets", reason="of the extra 'dev'")
FLAGS = ("--batch_size", "5", "--quiet")
CAPTIONS = ("caption", "score", "boxes", "meta")


@pytest.fixture(scope="module")
def images(folder: Path, rows: list[dict[str, Any]]) -> Any:
    """The folder as a dataset of that library, with the bytes of the images."""
    return hugging_face(folder, rows)


@pytest.fixture(scope="module")
def parquet(images: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files, with row groups of 4 images."""
    root = tmp_path_factory.mktemp("parquet")
    for shard in range(2):
        part = images.shard(2, shard, contiguous=True)
        part.to_parquet(root / f"train-{shard:05d}-of-00002.parquet", batch_size=4)
    return root


def expected_columns(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["file_name"]: {name: row[name] for name in CAPTIONS} for row in rows}


def test_parquet_files_with_images(
    parquet: Path, plain: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    groups = load_pyarrow().parquet.ParquetFile(parquet / "train-00000-of-00002.parquet")
    assert groups.num_row_groups == 2
    for number, place in enumerate((parquet, parquet / "train-*.parquet")):
        out = tmp_path / str(number)
        succeed(PCR, "convert", place, out, *FLAGS)
        assert contents(out) == contents(plain)
        assert Dataset(out).classes == Dataset(plain).classes
        assert columns_of(out) == expected_columns(rows)
    types = {name: str(column.type) for name, column in Dataset(out).columns.items()}
    assert types == {"caption": "str", "score": "float32", "boxes": "float32[?,4]", "meta": "json"}


def test_shards_of_a_conversion_and_appending(parquet: Path, tmp_path: Path) -> None:
    succeed(PCR, "convert", parquet, tmp_path / "whole", *FLAGS)
    for shard in ("1/2", "0/2"):
        succeed(PCR, "convert", parquet, tmp_path / "shards", *FLAGS, "--shard", shard)
    succeed(PCR, "merge", tmp_path / "shards")
    assert dataset_bytes(tmp_path / "shards") == dataset_bytes(tmp_path / "whole")
    for number, flag in enumerate(("--force", "--append")):
        file = parquet / f"train-{number:05d}-of-00002.parquet"
        succeed(PCR, "convert", file, tmp_path / "grown", flag, *FLAGS[-1:])
    assert sorted(contents(tmp_path / "grown")) == sorted(contents(tmp_path / "whole"))
    assert columns_of(tmp_path / "grown") == columns_of(tmp_path / "whole")


def test_saved_to_disk(
    images: Any, plain: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    saved = datasets.DatasetDict({"train": images, "test": images})
    saved.save_to_disk(tmp_path / "saved", num_shards={"train": 2, "test": 1})
    out = tmp_path / "out"
    succeed(PCR, "convert", tmp_path / "saved" / "train", out, *FLAGS)
    assert contents(out) == contents(plain)
    assert columns_of(out) == expected_columns(rows)
    line = fail(PCR, "convert", tmp_path / "saved", out, *FLAGS)
    assert "expected one split, found test, train" in line


def test_images_by_path_and_masks(folder: Path, plain: Path, tmp_path: Path) -> None:
    """As that library's own reader of folders has them: paths, and no bytes."""
    found = datasets.load_dataset(
        "imagefolder", data_dir=str(folder), split="train", cache_dir=str(tmp_path / "cache")
    )
    mask = io.BytesIO()
    Image.new("L", (3, 2)).save(mask, "PNG")
    masks = [{"bytes": mask.getvalue(), "path": None}] * len(found)
    found = found.add_column("mask", masks, feature=datasets.Image())
    (tmp_path / "data").mkdir()
    found.to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    succeed(PCR, "convert", tmp_path / "data", tmp_path / "out", *FLAGS)
    assert contents(tmp_path / "out") == contents(plain)
    assert {row["mask"] for row in columns_of(tmp_path / "out").values()} == {mask.getvalue()}
    assert Dataset(tmp_path / "out").columns["mask"].beside


def test_names_where_paths_are_missing(
    folder: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    pyarrow = load_pyarrow()
    jpegs = [(folder / row["file_name"]).read_bytes() for row in rows]
    pyarrow.parquet.write_table(pyarrow.table({"jpg": jpegs}), tmp_path / "some.parquet")
    succeed(PCR, "convert", tmp_path / "some.parquet", tmp_path / "out", *FLAGS, "--no_shuffle")
    found = contents(tmp_path / "out")
    assert [name for name, _, _ in found][:2] == ["some-00000000.jpg", "some-00000001.jpg"]
    assert len(found) == 11 and Dataset(tmp_path / "out").classes == ("images",)


def test_places_that_are_refused(parquet: Path, tmp_path: Path) -> None:
    pyarrow, out = load_pyarrow(), tmp_path / "out"
    for name in ("a/train-00000-of-00001", "a/test-00000-of-00001", "b/1", "b/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        table = pyarrow.table({f"c{name[-1]}": [1]})
        pyarrow.parquet.write_table(table, tmp_path / f"{name}.parquet")
    line = fail(PCR, "convert", tmp_path / "a", out, *FLAGS)
    assert "expected files of one split, found test, train: name those of one" in line
    line = fail(PCR, "convert", tmp_path / "b", out, *FLAGS)
    assert "expected a column with the bytes of images, found none" in line
    for number, name in enumerate(("image", "other")):
        table = pyarrow.table({"image": [b""], name: [b""]})
        pyarrow.parquet.write_table(table, tmp_path / "b" / f"{number + 1}.parquet")
    line = fail(PCR, "convert", tmp_path / "b", out, *FLAGS)
    assert "2.parquet: expected the columns of" in line


def test_files_that_are_cut_off_or_damaged(parquet: Path, images: Any, tmp_path: Path) -> None:
    images.save_to_disk(tmp_path / "saved")
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    (tmp_path / "cut").mkdir()
    for path, twin in (
        (parquet / "train-00000-of-00002.parquet", tmp_path / "cut" / "cut.parquet"),
        (arrow, arrow),
    ):
        data = path.read_bytes()
        for size in (0, 10, len(data) // 2):
            twin.write_bytes(data[:size])
            line = fail(PCR, "convert", twin.parent, tmp_path / "out", *FLAGS)
            assert line.startswith(f"error: {twin}: expected a ")
