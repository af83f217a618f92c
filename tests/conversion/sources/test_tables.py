"""Tables of paths, and metadata in an ImageFolder: the images, labels and columns of the folder."""

from __future__ import annotations

import csv
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest
from helpers.conversions import PCR, contents, dataset_bytes, fail, succeed
from helpers.servers import BUCKET
from helpers.sources import columns_of, write_metadata

from pcr.dataset.reader import Dataset
from pcr.storage.store import open_store

FLAGS = ("--batch_size", "5", "--quiet")
CAPTIONS = ("caption", "score", "boxes", "meta")


def expected_columns(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["file_name"]: {name: row[name] for name in CAPTIONS} for row in rows}


def test_a_folder_with_metadata(
    folder: Path, rows: list[dict[str, Any]], plain: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "images")
    rows = [{name: row[name] for name in ("file_name", *CAPTIONS)} for row in rows[::-1]]
    write_metadata(tmp_path / "images" / "metadata.jsonl", rows)  # in any order
    out = tmp_path / "out"
    succeed(PCR, "convert", tmp_path / "images", out, *FLAGS)
    assert contents(out) == contents(plain)
    assert Dataset(out).classes == Dataset(plain).classes
    assert columns_of(out) == expected_columns(rows)
    types = {name: str(column.type) for name, column in Dataset(out).columns.items()}
    assert types == {"caption": "str", "score": "float64", "boxes": "float64[?,4]", "meta": "json"}


def test_a_csv_of_paths(
    folder: Path, rows: list[dict[str, Any]], plain: Path, tmp_path: Path
) -> None:
    with (folder.parent / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", *CAPTIONS])
        for row in rows:
            texts = [json.dumps(row["boxes"]), json.dumps(row["meta"])]
            name = row["file_name"]
            writer.writerow(
                [f"images/{name}", name.split("/")[0], row["caption"], row["score"], *texts]
            )
    out, types = tmp_path / "out", ("--column", "boxes:float32[?,4]", "--column", "meta:json")
    succeed(PCR, "convert", folder.parent / "table.csv", out, *FLAGS, *types)
    assert [image[1:] for image in contents(out)] == [image[1:] for image in contents(plain)]
    assert Dataset(out).classes == Dataset(plain).classes
    assert columns_of(out) == {
        f"images/{name}": row for name, row in expected_columns(rows).items()
    }


def test_a_parquet_of_absolute_paths_with_names_of_classes(
    folder: Path, rows: list[dict[str, Any]], plain: Path, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets", reason="of the extra 'dev'")
    table = datasets.Dataset.from_list(
        [{**row, "file_name": str(folder / row["file_name"])} for row in rows]
    )
    label = datasets.ClassLabel(names=["cat", "dog é"])
    table.cast_column("label", label).to_parquet(tmp_path / "table.parquet")
    out = tmp_path / "out"
    succeed(PCR, "convert", tmp_path / "table.parquet", out, *FLAGS)
    assert contents(out) == contents(plain)
    assert Dataset(out).classes == Dataset(plain).classes
    assert columns_of(out) == expected_columns(rows)


def test_a_table_in_a_bucket(
    folder: Path, rows: list[dict[str, Any]], plain: Path, s3_environment: str, tmp_path: Path
) -> None:
    url = f"s3://{BUCKET}/{uuid.uuid4()}"
    for row in rows:
        open_store(url).write(row["file_name"], folder / row["file_name"])
    open_store(url).write("metadata.jsonl", write_metadata(tmp_path / "metadata.jsonl", rows))
    for place, out in ((url, tmp_path / "a"), (f"{url}/metadata.jsonl", tmp_path / "b")):
        succeed(PCR, "convert", place, out, *FLAGS)
        assert contents(out) == contents(plain)
        assert columns_of(out) == expected_columns(rows)
    open_store(url).delete("cat/000.jpg")
    assert "cat/000.jpg: expected an image" in fail(PCR, "convert", url, tmp_path / "c", *FLAGS)


def test_resume_shards_and_append(folder: Path, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    table, whole = folder.parent / "rows.jsonl", tmp_path / "whole"
    write_metadata(table, [{**row, "file_name": f"images/{row['file_name']}"} for row in rows])
    succeed(PCR, "convert", table, whole, *FLAGS)
    for shard in ("0/2", "1/2"):
        succeed(PCR, "convert", table, tmp_path / "shards", *FLAGS, "--shard", shard)
    succeed(PCR, "merge", tmp_path / "shards")
    assert dataset_bytes(tmp_path / "shards") == dataset_bytes(whole)

    grown = tmp_path / "grown"
    write_metadata(table, [{**row, "file_name": f"images/{row['file_name']}"} for row in rows[:4]])
    succeed(PCR, "convert", table, grown, *FLAGS, "--column", "boxes:float64[?,4]")
    write_metadata(table, [{**row, "file_name": f"images/{row['file_name']}"} for row in rows])
    succeed(PCR, "convert", table, grown, "--append", "--quiet")
    assert columns_of(grown) == columns_of(whole)
    assert sorted(contents(grown)) == sorted(contents(whole))


def test_a_caption_that_changes_between_shards(
    folder: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    table, out = folder / "rows.jsonl", tmp_path / "out"
    write_metadata(table, rows)
    succeed(PCR, "convert", table, out, *FLAGS, "--shard", "0/2")
    write_metadata(table, [{**rows[0], "caption": "another"}, *rows[1:]])
    line = fail(PCR, "convert", table, out, *FLAGS, "--shard", "1/2")
    table.unlink()
    assert "have changed since shard 0 began" in line


def test_images_without_classes(folder: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
        shutil.copy(path, tmp_path / f"{number}.jpg")
    write_metadata(
        tmp_path / "metadata.jsonl", [{"file_name": f"{n}.jpg", "index": n} for n in range(11)]
    )
    succeed(PCR, "convert", tmp_path, tmp_path.with_name("out"), *FLAGS)
    dataset = Dataset(tmp_path.with_name("out"))
    assert dataset.classes == ("images",)
    assert list(dataset.columns) == ["index_"]


@pytest.mark.parametrize(
    ("rows", "flags", "line"),
    [
        ([{"x": 1}], [], "expected a column file_name, filename, path"),
        (
            [{"file_name": 1}],
            [],
            "row 1, column 'file_name': expected the path of an image, found 1",
        ),
        ([{"file_name": "a/b.jpg"}] * 2, [], "expected each image once, found 'a/b.jpg' twice"),
        ([{"file_name": "a/b.jpg"}], [], "a/b.jpg: expected an image, found: No such file"),
        ([], [], "expected a column file_name"),
        ([{"file_name": "a", "label": [1]}], [], r"expected a label 0 to"),
        ([{"file_name": "a", "label": -1}], [], "found -1: name the right one by --label_column"),
        (
            [{"file_name": "a", "x": "é"}],
            ["--column", "x:int8"],
            "row 1, column 'x': expected int8",
        ),
        ([{"file_name": "a", "label": "N/A"}], [], "expected a class name, found 'N/A'"),
        ([{"file_name": "a"}], ["--label_column", "y"], "expected a column 'y', found file_name"),
    ],
)
def test_tables_that_are_refused(
    tmp_path: Path, rows: list[dict[str, Any]], flags: list[str], line: str
) -> None:
    table = write_metadata(tmp_path / "table.jsonl", rows)
    assert line in fail(PCR, "convert", table, tmp_path / "out", *FLAGS, *flags)
    assert not [*tmp_path.glob("out/PCR*")]


def test_flags_that_make_no_sense(tmp_path: Path) -> None:
    table = write_metadata(tmp_path / "table.jsonl", [{"file_name": "a", "x": 1}])
    twice = write_metadata(tmp_path / "twice.jsonl", [{"file_name": "a", "x": 1, "X": 2}])
    line = fail(PCR, "convert", twice, tmp_path / "out", "--quiet", code=2)
    assert "expected different names of columns, found 'x' twice" in line
    for flags, line in (
        (["--column", "y:int8"], "--column: expected some of x, found 'y'"),
        (["--column", "x:int7"], "--column: expected a type such as int64"),
    ):
        assert line in fail(PCR, "convert", table, tmp_path / "out", *flags, "--quiet", code=2)


def test_columns_that_an_appended_table_lacks(folder: Path, tmp_path: Path) -> None:
    table, out = folder / "some.jsonl", tmp_path / "out"
    for number, more in enumerate(({"x": 1}, {})):
        write_metadata(table, [{"file_name": f"cat/{number:03d}.jpg", **more}])
        if more:
            succeed(PCR, "convert", table, out, *FLAGS)
    line = fail(PCR, "convert", table, out, "--append", "--quiet")
    table.unlink()
    assert "expected the columns of the dataset that is appended to (x: int64), found none" in line
    line = fail(PCR, "convert", folder, tmp_path / "new", "--column", "x:int8", *FLAGS, code=2)
    assert "--column: expected none of a source without columns, found 'x'" in line


def test_an_image_without_a_row(folder: Path, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "images")
    write_metadata(tmp_path / "images" / "metadata.jsonl", rows[1:])
    line = fail(PCR, "convert", tmp_path / "images", tmp_path / "out", *FLAGS)
    assert f"found none for 1, such as {rows[0]['file_name']}" in line
