"""Samples of the caller's own code: the dataset of the folder, resumed, in shards and appended to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.conversions import contents, dataset_bytes
from helpers.sources import columns_of

import pcr
from pcr.dataset.reader import Dataset

OPTIONS = pcr.ConversionOptions(images_per_record=5)


def samples(
    folder: Path, rows: list[dict[str, Any]]
) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for row in rows:
        columns = {
            "label": row["file_name"].split("/")[0],
            "caption": row["caption"],
            "boxes": np.array(row["boxes"], np.float32).reshape(-1, 4),
            "raw": row["caption"].encode(),
        }
        yield row["file_name"], (folder / row["file_name"]).read_bytes(), columns


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, which has to be empty in the end."""
    path = tmp_path / "scratch"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    yield path
    assert list(path.iterdir()) == []


def test_the_same_images_labels_and_columns(
    folder: Path, rows: list[dict[str, Any]], plain: Path, tmp_path: Path
) -> None:
    summary = pcr.convert(samples(folder, rows), tmp_path / "out", OPTIONS, progress=False)
    assert summary.images == len(rows)
    assert contents(tmp_path / "out") == contents(plain)
    assert Dataset(tmp_path / "out").classes == Dataset(plain).classes
    types = {name: str(column.type) for name, column in Dataset(tmp_path / "out").columns.items()}
    assert types == {"caption": "str", "boxes": "float32[?,4]", "raw": "bytes"}
    for row in rows:
        found = columns_of(tmp_path / "out")[row["file_name"]]
        expected = {
            "caption": row["caption"],
            "boxes": row["boxes"],
            "raw": row["caption"].encode(),
        }
        assert found == expected


def test_stopped_and_run_again_in_shards_and_appended(
    folder: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    pcr.convert(samples(folder, rows), whole, OPTIONS, progress=False)
    bad = [*samples(folder, rows)]
    last = Dataset(whole).records[2].info().images[0].name
    broken = [(n, image[:100] if n == last else image, columns) for n, image, columns in bad]
    with pytest.raises(pcr.FormatError, match=f"samples: {last}"):
        pcr.convert(broken, out, OPTIONS, progress=False)
    with pytest.raises(pcr.DatasetError, match="have changed since"):
        pcr.convert(samples(folder, rows), out, OPTIONS, progress=False)
    options = pcr.ConversionOptions(images_per_record=5, on_bad_image="skip")
    summary = pcr.convert(broken, out, options, progress=False)
    assert summary.images == len(rows) - 1 and summary.resumed_records > 0

    for index in (1, 0):
        shards = tmp_path / "shards"
        pcr.convert(samples(folder, rows), shards, OPTIONS, shard=(index, 2), progress=False)
    pcr.merge(tmp_path / "shards")
    assert dataset_bytes(tmp_path / "shards") == dataset_bytes(whole)

    pcr.convert(samples(folder, rows[:4]), tmp_path / "grown", OPTIONS, progress=False)
    pcr.convert(samples(folder, rows), tmp_path / "grown", append=True, progress=False)
    assert sorted(contents(tmp_path / "grown")) == sorted(contents(whole))
    assert columns_of(tmp_path / "grown") == columns_of(whole)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            [("a.jpg", b"")],
            r"sample 0: expected \(name, bytes of the image, dict of columns\), found",
        ),
        (
            [("a.jpg", b"?", {}), ("b", "no bytes", {})],
            r"sample 1: .*found \['str', 'str', 'dict'\]",
        ),
        ([("a.jpg", b"?", {})] * 2, "expected each image once, found 'a.jpg' twice"),
        ([("../a.jpg", b"?", {})], "expected an image name like 'class/file'"),
        ([("a", b"", {"x": b""}), ("b", b"", {"x": 1})], "image 2: expected 'x' to be bytes"),
        ([("a", b"", {"x": object()})], "row 1, column 'x': expected json"),
        ([], "samples: expected images, found none"),
        (7, "source: expected a path, a URL or samples, found 7"),
    ],
)
def test_samples_that_are_refused(given: Any, line: str, tmp_path: Path) -> None:
    with pytest.raises(pcr.PCRError, match=line):
        pcr.convert(given, tmp_path / "out", progress=False)


def test_what_does_not_go_with_samples(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="of the extra 'ray'")
    given = [("a/b.jpg", b"?", {"label": 0})]
    with pytest.raises(pcr.UsageError, match="engine: needs a path or URL"):
        pcr.convert(given, tmp_path / "out", engine="ray", progress=False)
    options = pcr.ConversionOptions(convert_images=True)
    with pytest.raises(pcr.UsageError, match="convert_images: expected a folder"):
        pcr.convert(given, tmp_path / "out", options, progress=False)


def test_what_the_iterable_raises_is_raised(tmp_path: Path) -> None:
    def failing() -> Iterator[tuple[str, bytes, dict[str, Any]]]:
        yield "a.jpg", b"?", {}
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        pcr.convert(failing(), tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
