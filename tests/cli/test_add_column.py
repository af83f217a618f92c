"""pcr add-column: the files that it takes, what it prints and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import records
from helpers.conversions import PCR, dataset_bytes, fail, succeed

from pcr.dataset.reader import Dataset

NAMES = ("ant/0.jpg", "bee/1.jpg", "cat/2.jpg", "ant/3.jpg")
BOXES = [[], [[1, 2, 3, 4]], [], [[1.5, 2, 3, 4], [5, 6, 7, 8]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = records.make_dataset(tmp_path_factory.mktemp("made"), (4,)).root
    assert tuple(Dataset(root).records[0].columns(["name"])["name"]) == NAMES
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "dataset"))


def value(root: Path, name: str) -> list[Any]:
    return [np.asarray(v).tolist() for v in Dataset(root).records[0].columns([name])[name]]


def test_a_table_of_text(root: Path, tmp_path: Path) -> None:
    rows = [f'{name},{i},"a, {i}"' for i, name in enumerate(NAMES)]
    (tmp_path / "t.csv").write_text("\n".join(["file_name,score,caption", *rows, 'x/y.jpg,9,"b"']))
    printed = succeed(PCR, "add-column", root, "score", tmp_path / "t.csv", "--quiet")
    assert printed == (
        f"{root}: score: int64, 4 images, 8,192 bytes, 1 value of other images not used\n"
    )
    succeed(PCR, "add-column", root, "caption", tmp_path / "t.csv", "--quiet")
    succeed(PCR, "add-column", root, "score", tmp_path / "t.csv", "--type", "float32", "--force")
    assert value(root, "score") == [0.0, 1.0, 2.0, 3.0]
    assert value(root, "caption") == ["a, 0", "a, 1", "a, 2", "a, 3"]
    assert str(Dataset(root).columns["score"]) == "score: float32"


def test_json_lines_in_any_order(root: Path, tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": name, "boxes": boxes}) for name, boxes in zip(NAMES, BOXES, strict=True)
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(reversed(lines)))
    line = fail(PCR, "add-column", root, "boxes", tmp_path / "t.jsonl")
    assert "expected a column with the images' names, such as 'name', found id, boxes" in line
    assert "say which with --key" in line
    words = ("--key", "id", "--type", "float32[?,4]", "--quiet")
    succeed(PCR, "add-column", root, "boxes", tmp_path / "t.jsonl", *words)
    assert value(root, "boxes") == BOXES


def test_a_parquet_table(root: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="of the extra 'tables'")
    from pyarrow import parquet

    table = {"name": NAMES, "vector": [[1.0, float(i)] for i in range(4)]}
    parquet.write_table(pyarrow.table(table), tmp_path / "t.parquet")
    succeed(PCR, "add-column", root, "vector", tmp_path / "t.parquet", "--quiet")
    assert value(root, "vector") == table["vector"]
    assert str(Dataset(root).columns["vector"]) == "vector: float64[2]"


def test_an_array_in_the_datasets_order(root: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(8, dtype=">f4").reshape(4, 2))
    succeed(PCR, "add-column", root, "vector", tmp_path / "a.npy", "--quiet")
    assert value(root, "vector") == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert str(Dataset(root).columns["vector"]) == "vector: float32[2]"


def test_arrays_that_cannot_be_are_refused(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    before = dataset_bytes(root)
    np.save(path, np.array([object()] * 4), allow_pickle=True)
    assert f"{path}: expected an array of numbers, found: " in fail(
        PCR, "add-column", root, "x", path
    )
    whole = np.arange(4)
    np.save(path, whole)
    data = path.read_bytes()
    for damaged in (b"", data[:50], data[:-1], b"x" + data[1:], data.replace(b"}", b"(", 1)):
        path.write_bytes(damaged)
        assert str(path) in fail(PCR, "add-column", root, "x", path)
    np.savez(tmp_path / "a.npz", whole)
    (tmp_path / "a.npz").rename(path)
    line = fail(PCR, "add-column", root, "x", path)
    assert f"{path}: expected one array, found an archive of arrays" in line
    np.save(path, whole[:3])
    assert "expected 4 values, one for each image, found 3" in fail(
        PCR, "add-column", root, "x", path
    )
    assert dataset_bytes(root) == before


@pytest.mark.parametrize(
    ("words", "text", "code", "complaint"),
    [
        (["x", "t.txt"], "", 2, "file: expected a file .csv, .jsonl, .parquet, .npy, found"),
        (["x", "t.csv"], "name,y\nant/0.jpg,1\n", 1, "expected a column 'x', found name, y"),
        (["x", "t.csv"], "name,x\nant/0.jpg,1\nant/0.jpg,2\n", 1, "found 'ant/0.jpg' 2 times"),
        (["x", "t.csv"], "name,x\nant/0.jpg,1\n", 1, "found none for 3 of 4, among them"),
        (["x", "t.jsonl"], '{"name": ["a"], "x": 1}', 1, "row 1: expected an image's name, found"),
        (["x", "t.csv", "--type", "int"], "name,x\nant/0.jpg,1\n", 2, "--type: expected a type"),
        (["x", "t.csv", "--type", "bool"], "name,x\nant/0.jpg,7\n", 1, "expected bool, found '7'"),
        (["1x", "t.csv"], "name,1x\nant/0.jpg,1\n", 2, "expected a column's name of up to 63"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    root: Path, tmp_path: Path, words: list[str], text: str, code: int, complaint: str
) -> None:
    (tmp_path / words[1]).write_text(text)
    before = dataset_bytes(root)
    line = fail(PCR, "add-column", root, words[0], tmp_path / words[1], *words[2:], code=code)
    assert complaint in line
    assert dataset_bytes(root) == before
