"""pcr info: what it prints and refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

from helpers import records
from helpers.column_samples import make_dataset
from helpers.conversions import (
    PCR,
    fail,
    run_process,
    succeed,
)
from helpers.datasets import failures, make_release_dataset

from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index


def test_info(photos: Path, converted: Path) -> None:
    printed = succeed(PCR, "info", converted)
    assert "19 in 3 records of up to 8 images" in printed
    assert "2: cat, dog" in printed
    facts = json.loads(succeed(PCR, "info", converted, "--json"))
    dataset = Dataset(converted)
    assert facts["images"] == 19
    assert facts["classes"] == ["cat", "dog"]
    assert [row["level"] for row in facts["levels"]] == list(range(1, 11))
    for row in facts["levels"]:
        level = row["level"]
        assert row["prefix_bytes"] == sum(r.prefix_bytes[level] for r in dataset.records)
        assert row["bytes"] == sum(sum(r.entry.group_bytes[1 : level + 1]) for r in dataset.records)
    sources = sum(path.stat().st_size for path in photos.rglob("*.jp*"))
    assert facts["source_bytes"] == sources
    assert facts["levels"][-1]["share"] == facts["levels"][-1]["bytes"] / sources
    assert all(len(line) <= 80 for line in printed.splitlines()[1:])
    assert facts["file_bytes"] == sum(p.stat().st_size for p in converted.glob("PCR_?.db"))


def test_names_that_the_terminal_cannot_show(converted: Path, tmp_path: Path) -> None:
    shutil.copytree(converted, tmp_path / "é")
    result = run_process(
        PCR, "info", tmp_path / "é", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert result.returncode == 0 and result.stdout.startswith(f"{tmp_path}/\\xe9\n")


def test_info_of_a_dataset_that_does_not_know_its_sources(dataset: Path) -> None:
    opened = Dataset(dataset)
    write_index(dataset, replace(opened.info, source_bytes=0), [r.entry for r in opened.records])
    facts = json.loads(succeed(PCR, "info", dataset, "--json"))
    assert facts["source_bytes"] is None and facts["levels"][0]["share"] is None
    printed = succeed(PCR, "info", dataset)
    assert "bytes of the last level (the dataset does not have" in printed
    assert re.search(r"^ +10 .* 1\.000 ", printed, re.MULTILINE)
    assert failures(dataset) == {}


def test_a_dataset_of_the_papers_release_is_named(tmp_path: Path) -> None:
    make_release_dataset(tmp_path)
    for command in (["info"], ["verify"], ["profile"], ["show"]):
        images = ["a/b.jpg"] * (command == ["show"])
        line = fail(PCR, *command, tmp_path, *images)
        assert "holds a dataset of the paper's released code" in line
        assert line.endswith("convert the source images again, with pcr convert")


def test_info_of_a_dataset_without_records(tmp_path: Path) -> None:
    records.make_dataset(tmp_path, ())
    assert "images   0 in 0 records" in succeed(PCR, "info", tmp_path)
    facts = json.loads(succeed(PCR, "info", tmp_path, "--json"))
    assert facts["images"] == facts["records"] == facts["file_bytes"] == 0
    assert [row["prefix_bytes"] for row in facts["levels"]] == [0] * 10


def test_info_of_columns(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d").root
    printed = succeed(PCR, "info", root)
    assert "  columns  weight: float32, 32 bytes in the records\n" in printed
    assert "           embedding: float64[600], 38,400 bytes beside the records\n" in printed
    facts = json.loads(succeed(PCR, "info", root, "--json"))
    assert facts["file_bytes"] == sum(path.stat().st_size for path in root.glob("PCR_*.db"))
    assert facts["columns"][0] == {
        "name": "weight",
        "type": "float32",
        "beside": False,
        "bytes": 32,
    }
