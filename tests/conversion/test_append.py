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
    state,
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
    with pytest.raises(UsageError, match="append: cannot be combined with `force`"):
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


@pytest.fixture
def unfinished(source: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A folder whose append stopped after one record, and the dataset that it was added to."""
    out, more = tmp_path / "out", make_folder(tmp_path / "more", {"dog": 8})
    succeed(CONVERTER, source, out, "--quiet", "--batch_size", 10)
    (more / "dog" / "999.jpg").write_bytes(b"")
    fail(CONVERTER, more, out, "--quiet", "--append", "--batch_size", 4, "--seed", 1)
    assert (out / layout.PLAN_FILE).exists() and (out / layout.record_file(3)).exists()
    (more / "dog" / "999.jpg").unlink()
    return more, out


def test_an_unfinished_append_is_dropped_alone(
    source: Path, unfinished: tuple[Path, Path], tmp_path: Path
) -> None:
    more, out = unfinished
    before, append = dataset_bytes(out), ("--quiet", "--append", "--batch_size", 4)
    line = fail(CONVERTER, more, out, *append, "--seed", 1)
    assert "whose names, sizes or times have changed" in line
    assert "use --append and --restart to drop the unfinished --append" in line
    (out / "PCR_7.db.pcr-tmp").write_bytes(b"half a record")
    assert "9 images in 3 records" not in succeed(CONVERTER, more, out, *append, "--restart")
    succeed(CONVERTER, source, tmp_path / "whole", "--quiet", "--batch_size", 10)
    succeed(CONVERTER, more, tmp_path / "whole", *append)
    assert dataset_bytes(out) == dataset_bytes(tmp_path / "whole")
    assert {path.name for path in out.iterdir()} == set(dataset_bytes(out))
    assert all(dataset_bytes(out)[layout.record_file(i)] == before[f"PCR_{i}.db"] for i in range(3))


@pytest.mark.parametrize("plan", [None, b"damaged", b"{}\n"])
def test_an_unfinished_append_never_costs_the_dataset(
    unfinished: tuple[Path, Path], plan: bytes | None
) -> None:
    more, out = unfinished
    if plan is not None:
        (out / layout.PLAN_FILE).write_bytes(plan)
    before = dataset_bytes(out)
    for flags in (["--force"], ["--restart"]):
        line = fail(CONVERTER, more, out, "--quiet", *flags)
        assert "holds a finished dataset" in line and "an unfinished --append" in line
        assert "--append and --restart drop the unfinished --append alone" in line
        assert ("25 images in 3 records" in line) == (plan is None)
    for flags in ([], ["--append"]):
        line = fail(CONVERTER, more, out, "--quiet", *flags)
        assert "--append and --restart" in line and "the finished dataset stays" in line
    assert dataset_bytes(out) == before
    succeed(CONVERTER, more, out, "--quiet", "--force", "--restart")
    assert len(Dataset(out)) == 8
    assert failures(out) == {}


def test_an_append_of_bad_images_alone_leaves_the_dataset_as_it_was(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    succeed(CONVERTER, source, out, "--quiet")
    before = state(out)
    more = make_folder(tmp_path / "more", {"bee": 1})
    (more / "bee" / "000.jpg").write_bytes(b"")
    line = fail(CONVERTER, more, out, "--quiet", "--append", "--on_bad_image", "skip")
    assert "every image was skipped" in line
    assert state(out) == before
