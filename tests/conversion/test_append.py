"""Appending: old records and labels stay, what does not fit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.conversions import (
    CONVERTER,
    contents,
    dataset_bytes,
    fail,
    make_folder,
    succeed,
)
from helpers.datasets import failures

from pcr.conversion.run import convert
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("source"), {"ant": 12, "cow": 13})


def test_append_adds_records_and_leaves_the_old_ones(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(CONVERTER, source, out, "--quiet", "--batch_size", 10, "--ladder", "luma", "--seed", 3)
    old, old_contents = dataset_bytes(out), contents(out)
    more = make_folder(tmp_path / "more", {"bee": 11, "cow": 20, "aardvark": 4})
    printed = succeed(CONVERTER, more, out, "--quiet", "--append")
    assert "22 images in 3 records, added to 25 images" in printed  # of cow only what is not there
    new = dataset_bytes(out)
    assert {name: new[name] for name in old if name != "PCR.db"} == {
        name: data for name, data in old.items() if name != "PCR.db"
    }
    dataset, found = Dataset(out), contents(out)
    # Old classes keep their labels; new ones follow, sorted among themselves.
    assert dataset.classes == ("ant", "cow", "aardvark", "bee")
    assert found[:25] == old_contents
    assert (dataset.info.seed, dataset.info.images_per_record, len(dataset)) == (3, 10, 47)
    assert all(dataset.classes[label] == name.split("/")[0] for name, label, _ in found)
    assert len({name for name, _, _ in found}) == 47
    assert failures(out) == {}
    assert "0 images in 0 records, added to 47 images" in succeed(
        CONVERTER, more, out, "--quiet", "--append"
    )
    assert dataset_bytes(out) == new


def test_append_refuses_what_would_not_fit(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(CONVERTER, source, out, "--quiet")
    before = dataset_bytes(out)
    for flags, reason in (
        (("--ladder", "luma"), "expected the --ladder that the dataset was made with"),
        (("--copy", "exif"), "append without --copy"),
        (("--ladder", "luma"), "append without --ladder"),
        (("--copy", "exif"), "expected the --copy that the dataset was made with"),
    ):
        assert reason in fail(CONVERTER, source, out, "--quiet", "--append", *flags)
    with pytest.raises(UsageError, match="append: expected without `force`"):
        convert(source, out, append=True, force=True)
    more = make_folder(tmp_path / "more", {"dog": 3})
    (more / "dog" / "bad.jpg").write_bytes(b"")
    assert "bad.jpg: " in fail(CONVERTER, more, out, "--quiet", "--append")
    assert dataset_bytes(out).items() >= before.items()
    assert len(Dataset(out)) == 25  # what is there stays readable
    assert "began with --append: resume it with --append" in fail(CONVERTER, more, out, "--quiet")
    succeed(CONVERTER, more, out, "--quiet", "--append", "--on_bad_image", "skip")
    assert "dog/bad.jpg,skipped" in (out / layout.REPORT_FILE).read_text()
    assert len(Dataset(out)) == 28
