"""Patterns of files: what shells and the package braceexpand make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcr.errors import DatasetError, UsageError
from pcr.storage.patterns import expand


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "a-{0..3}.tar",
        "{008..011}",
        "{8..11}",
        "{08..11}",
        "{3..1}",
        "{x,y}-{1..2}",
        "{x}",
        "{}",
        "{a,}",
    ],
)
def test_braces(pattern: str) -> None:
    braceexpand = pytest.importorskip("braceexpand", reason="of webdataset, of the extra 'dev'")
    assert expand(pattern) == tuple(braceexpand.braceexpand(pattern))


def test_names_that_are_there(tmp_path: Path) -> None:
    for name in ("b.tar", "a.tar", "[1].tar", "a.txt"):
        (tmp_path / name).touch()
    assert expand(f"{tmp_path}/?.tar") == (f"{tmp_path}/a.tar", f"{tmp_path}/b.tar")
    assert expand(f"{tmp_path}/[1].tar") == (f"{tmp_path}/[1].tar",)
    with pytest.raises(DatasetError, match="found none"):
        expand(f"{tmp_path}/*.zip")


def test_too_many_files() -> None:
    for pattern in ("{0..999999999}", "{0..1999}-{0..1999}"):
        with pytest.raises(UsageError, match="expected up to 1000000 files"):
            expand(pattern)
