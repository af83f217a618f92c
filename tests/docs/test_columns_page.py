"""The examples of docs/guides/columns.md run as they stand."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from helpers import records
from helpers.conversions import PCR, succeed

from pcr.dataset.columns import RESERVED_NAMES
from pcr.dataset.reader import Dataset

PAGE = (Path(__file__).parents[2] / "docs/guides/columns.md").read_text(encoding="utf-8")
IMAGES = 4


def blocks(language: str) -> list[str]:
    mark = r"<!-- tested: tests/docs/test_columns_page\.py -->\n"
    return re.findall(rf"{mark}```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = records.make_dataset(tmp_path / "dataset", (IMAGES,))
    names = dataset.records[0].columns(["name"])["name"]
    captions = ["name,caption", *(f'{name},"number {i}, {name}"' for i, name in enumerate(names))]
    (tmp_path / "captions.csv").write_text("\n".join(captions))
    boxes = [
        json.dumps({"file_name": name, "boxes": [[0, 1, 2, 3]] * i}) for i, name in enumerate(names)
    ]
    (tmp_path / "boxes.jsonl").write_text("\n".join(boxes))
    np.save(tmp_path / "embeddings.npy", np.zeros((IMAGES, 7), np.float16))
    monkeypatch.chdir(tmp_path)
    (commands,) = blocks("sh")
    for line in commands.splitlines():
        program, *words = shlex.split(line)
        assert program == "pcr"
        succeed(PCR, *words, "--quiet")
    variables: dict[str, object] = {}
    for example in blocks("python"):
        exec(compile(example, "docs/guides/columns.md", "exec"), variables)
    assert capsys.readouterr().out.splitlines() == [
        "caption: str",
        "boxes: float32[?,4]",
        "embedding: float16[7]",
        "length: int64",
        "even: bool",
        "True",
    ]
    assert Dataset("dataset").records[0].columns(["even"])["even"].tolist() == [True, False] * 2


def test_the_page_lists_the_names_that_are_reserved() -> None:
    listed = PAGE.partition("and is not ")[2].partition(", which have")[0]
    assert set(re.findall("`(.*?)`", listed)) == RESERVED_NAMES
