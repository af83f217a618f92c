"""The examples in the documentation run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import jpegs, records
from helpers.toy_data import make_folder

from pcr.dataset.columns import Column

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    """The fenced code blocks of one language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_start_page_shows_what_the_readme_shows() -> None:
    """Where it is tested."""
    shown = blocks("docs/index.md", "python")
    assert shown and set(shown) <= set(blocks("README.md", "python"))


def test_the_formats_example_writes_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = records.make_dataset(tmp_path / "pcr_dataset", (4,))
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("docs/reference/format.md", "python")
    exec(compile(example, "docs/reference/format.md", "exec"), {})
    written = Path("third_at_level_2.jpg").read_bytes()
    assert written == dataset.records[0].read(2)[2].tobytes()
    assert jpegs.decode(written).shape == jpegs.decode(records.sources(4)[2]).shape


def test_the_loaders_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    records.make_dataset(tmp_path / "pcr_dataset", (4,))
    make_folder(tmp_path / "image_folder", 2)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in blocks("docs/guides/loader.md", "python"):
        exec(compile(example, "docs/guides/loader.md", "exec"), names)
    assert {"train", "evaluate", "files"} <= names.keys()


def test_the_examples_of_choosing_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    records.make_dataset(tmp_path / "pcr_dataset", (4, 5))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in blocks("docs/guides/subsets.md", "python"):
        exec(compile(example, "docs/guides/subsets.md", "exec"), names)


def test_the_examples_of_access_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (
        "torchvision",
        "torchdata.stateful_dataloader",
        "timm",
        "lightning",
        "accelerate",
    ):
        pytest.importorskip(module, reason="of the extra 'dev'")
    captions = {Column.of("caption", "str"): [f"number {number}" for number in range(11)]}
    records.make_dataset(tmp_path / "pcr_dataset", (6, 5), columns=captions)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for example in blocks("docs/guides/dataloader.md", "python"):
        exec(compile(example, "docs/guides/dataloader.md", "exec"), names)
    assert (names["caption"], names["label"]) == ("number 2", 0)
    assert names["captions"][8] == "number 8" and names["of_cats"] == [2, 5, 8]
    assert names["rest"] == 7 and names["trainer"].global_step == 3


def test_the_migration_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    pytest.importorskip(
        "nvidia.dali", reason="needs NVIDIA DALI, the extra dali-cuda12 or dali-cuda13"
    )
    records.make_dataset(tmp_path / "pcr_dataset", (4, 3))
    make_folder(tmp_path / "image_folder", 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT)  # of PCR_Pipeline.py
    names: dict[str, object] = {}
    for example in blocks("docs/guides/migrating/release.md", "python"):
        exec(compile(example, "docs/guides/migrating/release.md", "exec"), names)
    assert {"dataset", "minibatches", "pipe", "loader"} <= names.keys()
    assert Path("converted/PCR.db").exists()


def test_converting_as_the_page_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(tmp_path / "photos" / "train", 2)
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("docs/guides/converting.md", "python")
    exec(compile(example, "docs/guides/converting.md", "exec"), {})
    assert capsys.readouterr().out.startswith("4 (")


def test_the_commands_page_runs(tmp_path: Path) -> None:
    pytest.importorskip("shtab", reason="of the extra completion")
    records.make_dataset(tmp_path / "pcr_dataset", (4, 3))
    pcr = tmp_path / "bin" / "pcr"
    pcr.parent.mkdir()
    pcr.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pcr "$@"\n')
    pcr.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euc", "\n".join(blocks("docs/reference/commands/index.md", "sh"))],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{pcr.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pcr_dataset") >= 4
    assert (tmp_path / ".local/share/bash-completion/completions/pcr").stat().st_size > 1000
