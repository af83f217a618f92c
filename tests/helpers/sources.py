"""One folder of images with columns, and the same as other kinds of sources, by their own writers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pcr.dataset.reader import Dataset
from pcr.imagefolder import ImageFolder


def make_rows(folder: Path) -> list[dict[str, Any]]:
    """Name, class and columns of each image of an ImageFolder, in its order."""
    found = ImageFolder.scan(folder)
    return [
        {
            "file_name": sample.name,
            "label": sample.label,
            "caption": f"{found.classes[sample.label]} n° {number}\nof many",
            "score": number / 4,
            "boxes": [[number, 2, 3, 4.5]] * (number % 3),
            "meta": {"number": number, "tags": ["a"] * (number % 2)},
        }
        for number, sample in enumerate(found.samples)
    ]


def write_metadata(path: Path, rows: list[dict[str, Any]]) -> Path:
    """As ``metadata.jsonl`` of Hugging Face's ImageFolder."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_tars(folder: Path, rows: list[dict[str, Any]], pattern: str, per_tar: int) -> None:
    """As tar shards, by the package webdataset."""
    import webdataset

    with webdataset.ShardWriter(pattern, maxcount=per_tar, verbose=False) as writer:
        for row in rows:
            sample = {
                "__key__": row["file_name"].removesuffix(".jpg"),
                "jpg": (folder / row["file_name"]).read_bytes(),
                "cls": row["label"],
                "caption.txt": row["caption"],
                "boxes.npy": np.array(row["boxes"], np.float64).reshape(-1, 4),
                "json": {"score": row["score"], "meta": row["meta"]},
            }
            writer.write(sample)


def hugging_face(folder: Path, rows: list[dict[str, Any]]) -> Any:
    """As a dataset of the package datasets, with the bytes of the images."""
    from datasets import ClassLabel, Dataset, Features, Image, Sequence, Value

    paths = [Path(row["file_name"]) for row in rows]
    images = [{"bytes": (folder / path).read_bytes(), "path": path.name} for path in paths]
    features = Features(
        {
            "image": Image(),
            "label": ClassLabel(names=list(ImageFolder.scan(folder).classes)),
            "caption": Value("string"),
            "score": Value("float32"),
            "boxes": Sequence(Sequence(Value("float32"), length=4)),
            "meta": {"number": Value("int32"), "tags": Sequence(Value("string"))},
        }
    )
    columns = {name: [row[name] for row in rows] for name in features if name != "image"}
    return Dataset.from_dict({"image": images, **columns}, features=features)


def columns_of(root: Path) -> dict[str, dict[str, Any]]:
    """The columns of each image of a dataset, arrays as lists, by the images' names."""
    dataset = Dataset(root)
    columns: dict[str, list[Any]] = {name: [] for name in ("name", *dataset.columns)}
    for record in dataset.records:
        for name, values in record.columns(list(columns)).items():
            columns[name] += [
                value.tolist() if hasattr(value, "tolist") else value for value in values
            ]
    names = columns.pop("name")
    rows = zip(*columns.values(), strict=True)
    return {
        name: dict(zip(columns, row, strict=True)) for name, row in zip(names, rows, strict=True)
    }
