"""Conversions with restart markers: the same pictures, in every way to make, add to and copy them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.conversions import (
    PCR,
    contents,
    dataset_bytes,
    fail,
    make_folder,
    succeed,
)
from helpers.datasets import failures

from pcr import jpeg
from pcr.dataset.reader import Dataset
from pcr.ladder import Ladder

OPTIONS = ("--batch_size", "10", "--ladder", "standard", "--quiet")
SCRIPTS = Ladder.load("standard").scripts


@pytest.fixture(scope="module")
def plain(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(source, tmp_path_factory.mktemp("plain") / "out")


@pytest.fixture(scope="module")
def marked(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(source, tmp_path_factory.mktemp("marked") / "out", "--restart_rows", 1)


def make(source: Path, out: Path, *flags: object) -> Path:
    succeed(PCR, "convert", source, out, *OPTIONS, *flags)
    return out


def test_the_images_differ_in_their_markers_alone(plain: Path, marked: Path) -> None:
    assert failures(marked) == {}
    for (*entry, data), (*before, other) in zip(contents(marked), contents(plain), strict=True):
        assert entry == before and b"\xff\xd0" in data and b"\xff\xd0" not in other
        assert jpeg.transcode(data, SCRIPTS).tobytes() == other
    for level in (1, 2, 9):
        for (*_, data), (*_, other) in zip(
            contents(marked, level), contents(plain, level), strict=True
        ):
            assert np.array_equal(jpegs.decode(data), jpegs.decode(other))


def test_no_rows_are_the_default(source: Path, plain: Path, tmp_path: Path) -> None:
    assert dataset_bytes(make(source, tmp_path / "out", "--restart_rows", 0)) == dataset_bytes(
        plain
    )


def test_info_shows_them(plain: Path, marked: Path) -> None:
    assert "markers  none copied, restart markers after each MCU row\n" in succeed(
        PCR, "info", marked
    )
    assert "restart" not in succeed(PCR, "info", plain)
    found = [json.loads(succeed(PCR, "info", out, "--json")) for out in (plain, marked)]
    assert [facts["restart_rows"] for facts in found] == [0, 1]


def test_shards_merge_to_the_same_bytes(source: Path, marked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for shard in ("0/2", "1/2"):
        make(source, out, "--restart_rows", 1, "--shard", shard)
    succeed(PCR, "merge", out)
    assert dataset_bytes(out) == dataset_bytes(marked)


def test_an_append_keeps_them(source: Path, tmp_path: Path) -> None:
    out = make(source, tmp_path / "out", "--restart_rows", 2)
    more = make_folder(tmp_path / "more", {"bee": 3})
    line = fail(PCR, "convert", more, out, "--quiet", "--append", "--restart_rows", 1)
    assert "expected the --restart_rows that the dataset was made with" in line
    succeed(PCR, "convert", more, out, "--quiet", "--append")
    assert Dataset(out).info.restart_rows == 2
    assert all(b"\xff\xd0" in data for name, _, data in contents(out) if name.startswith("bee/"))


def test_a_copy_of_the_first_levels_keeps_them(marked: Path, tmp_path: Path) -> None:
    succeed(PCR, "copy", marked, tmp_path / "copy", "--n_scans", 3, "--quiet")
    assert Dataset(tmp_path / "copy").info.restart_rows == 1
    assert contents(tmp_path / "copy") == contents(marked, 3)


def test_rewritten_sources_have_them_too(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"bee": 3})
    out = make(source, tmp_path / "out", "--restart_rows", 1, "--convert_images")
    files = {str(path.relative_to(source)): path.read_bytes() for path in source.rglob("*.jpg")}
    assert len(files) == 3
    for name, _, data in contents(out):
        assert b"\xff\xd0" in files[name]
        assert jpeg.transcode(files[name], SCRIPTS, restart_rows=1).tobytes() == data


def test_an_export_has_the_same_pictures(plain: Path, marked: Path, tmp_path: Path) -> None:
    for dataset in (plain, marked):
        succeed(PCR, "export", dataset, tmp_path / dataset.parent.name, "--quiet")
    files = sorted(path for path in tmp_path.rglob("*.jpg"))
    half = len(files) // 2
    assert half == 25
    for one, other in zip(files[:half], files[half:], strict=True):
        assert one.name == other.name
        assert np.array_equal(jpegs.decode(one.read_bytes()), jpegs.decode(other.read_bytes()))
