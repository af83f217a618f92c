"""Shards: converted in any order, at once, killed and repeated, they make the same dataset."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from helpers.conversions import ADVANCED, PCR, dataset_bytes, fail, make_folder, run, succeed
from helpers.killed_conversions import Conversion, assert_same_dataset

import pcr
from pcr.atomic import TEMPORARY_SUFFIX
from pcr.conversion.shards import shard_locked
from pcr.dataset import layout
from pcr.storage.local import LocalStore

SHARDS = 4
OPTIONS = ("--batch_size", "8", "--on_bad_image", "skip", "--quiet")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 good images; the two of class emu, and one more, cannot be converted."""
    root = make_folder(tmp_path_factory.mktemp("source"), {"cat": 45, "dog": 45})
    (root / "emu").mkdir()
    for name in ("emu/0.jpg", "emu/1.jpg", "dog/bad.jpg"):
        (root / name).write_bytes(b"neither a JPEG nor anything else")
    return root


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "out"
    succeed(PCR, "convert", source, out, *OPTIONS)
    return out


def words(source: Path, out: Path, shard: int, count: int = SHARDS) -> tuple[object, ...]:
    return ("convert", source, out, *OPTIONS, "--shard", f"{shard}/{count}")


def convert_shards(source: Path, out: Path, *shards: int, count: int = SHARDS) -> Path:
    for shard in shards:
        succeed(PCR, *words(source, out, shard, count))
    return out


@pytest.fixture(scope="module")
def unmerged(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_shards(source, tmp_path_factory.mktemp("unmerged") / "out", *range(SHARDS))


@pytest.fixture
def shards(unmerged: Path, tmp_path: Path) -> Path:
    """All shards, to be merged or spoiled."""
    return shutil.copytree(unmerged, tmp_path / "shards")


@pytest.mark.parametrize("count", [1, 5, 20])
def test_any_order_gives_the_same_bytes(
    source: Path, converted: Path, tmp_path: Path, count: int
) -> None:
    """Also where there are more shards than records."""
    out = convert_shards(source, tmp_path / "out", *reversed(range(count)), count=count)
    succeed(PCR, "merge", out)
    assert layout.REPORT_FILE in dataset_bytes(out)
    assert_same_dataset(out, converted)


def test_shards_at_once(source: Path, converted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    running = [Conversion(out, *words(source, out, shard), command=PCR) for shard in range(SHARDS)]
    for shard, conversion in enumerate(running):
        code, printed = conversion.join()
        assert code == 0, printed
        assert f"shard {shard}/{SHARDS}: " in printed
    succeed(PCR, "merge", out)
    assert_same_dataset(out, converted)


def test_killed_shards_are_repeated_to_the_same_bytes(
    source: Path, converted: Path, tmp_path: Path
) -> None:
    out, kills = tmp_path / "out", 0
    for shard, record in enumerate((1, 4, 7, 10)):
        file = layout.record_file(record)
        for moment in (layout.shard_plan_file(shard, SHARDS), file + TEMPORARY_SUFFIX, file):
            killed = Conversion(out, *words(source, out, shard), command=PCR)
            kills += killed.wait_for(moment, file).kill()
    assert kills > SHARDS
    convert_shards(source, out, *range(SHARDS))
    Conversion(out, "merge", out, command=PCR).wait_for(layout.INDEX_FILE + TEMPORARY_SUFFIX).kill()
    succeed(PCR, "merge", out)
    assert_same_dataset(out, converted)


def test_merging_again_says_the_same(shards: Path) -> None:
    def without_seconds(printed: str) -> list[str]:
        return [line for line in printed.splitlines() if not line.endswith(" s")]

    first = succeed(PCR, "merge", shards)
    assert "90 images in 12 records" in first and "3 images skipped, 0 re-encoded" in first
    assert "1 class without an image" in first and "emu" in first
    assert without_seconds(succeed(PCR, "merge", shards)) == without_seconds(first)


def test_a_merge_killed_after_the_index(converted: Path, shards: Path, tmp_path: Path) -> None:
    plans = {
        name: (shards / name).read_bytes()
        for name in layout.shard_plans(LocalStore(shards)).values()
    }
    succeed(PCR, "merge", shards)
    for name in list(plans)[1:]:
        (shards / name).write_bytes(plans[name])
    succeed(PCR, "merge", shards)
    assert_same_dataset(shards, converted)


def test_python_summaries(source: Path, tmp_path: Path) -> None:
    options = pcr.ConversionOptions(images_per_record=8, on_bad_image="skip")
    whole = pcr.convert(source, tmp_path / "whole", options, progress=False)
    parts = [
        pcr.convert(source, tmp_path / "out", options, shard=(shard, 3), progress=False)
        for shard in range(3)
    ]
    merged = pcr.merge(tmp_path / "out")
    assert sum(part.images for part in parts) == merged.images == 90
    assert sum(part.records for part in parts) == merged.records == 12
    assert {**vars(merged), "phase_seconds": 0} == {**vars(whole), "phase_seconds": 0}


def test_missing_and_unfinished_shards_are_named(source: Path, tmp_path: Path) -> None:
    out = convert_shards(source, tmp_path / "out", 1)
    plan = out / layout.shard_plan_file(1, SHARDS)
    plan.write_bytes(b"".join(plan.read_bytes().splitlines(keepends=True)[:-1]))
    assert fail(PCR, "merge", out) == (
        f"error: {out}: 4 of 4 shards not finished: 0/4 (records 0 to 2, not begun), "
        "1/4 (records 3 to 5, 2 written), 2/4 (records 6 to 8, not begun), 1 more: run pcr convert "
        f"{source} {out} --shard 0/4 and so on, with the options of the others, then merge again"
    )
    assert f"run pcr merge {out}" in fail(PCR, "info", out)
    convert_shards(source, out, *range(SHARDS))
    succeed(PCR, "merge", out)


def test_damaged_records_are_named_and_written_again(
    source: Path, converted: Path, shards: Path
) -> None:
    with (shards / layout.record_file(4)).open("r+b") as file:
        file.seek(layout.page_bytes(0, []) + 100)  # in the metadata
        file.write(bytes(4000))
    (shards / layout.record_file(10)).unlink()
    line = fail(PCR, "merge", shards)
    assert "2 of 4 shards damaged: 1/4 (" in line and layout.record_file(4) in line
    assert f"3/4 ({shards / layout.record_file(10)}: " in line
    assert f"--shard 1/{SHARDS} and so on" in line
    convert_shards(source, shards, 1, 3)
    succeed(PCR, "merge", shards)
    assert_same_dataset(shards, converted)


def test_a_record_too_many_is_refused(shards: Path) -> None:
    shutil.copy(shards / layout.record_file(0), shards / layout.record_file(12))
    assert "expected 12 records, found one more" in fail(PCR, "merge", shards)


def test_shards_of_other_plans_are_refused(source: Path, shards: Path, tmp_path: Path) -> None:
    again = words(source, shards, 2)
    for flags, expected in (
        (("--seed", 1), "shard 2 began with --seed 0, not --seed 1"),
        (("--ladder", "luma"), "shard 2 began with another --ladder"),
        (("--on_bad_image", "fail"), "shard 2 began with --on_bad_image skip, not"),
        (("--shard", "2/5"), "expected one of 4 shards, as began here, found --shard 2/5"),
    ):
        assert expected in fail(PCR, *again, *flags)
    (shards / layout.shard_plan_file(2, SHARDS)).unlink()
    assert "shard 0 began with --seed 0" in fail(PCR, *again, "--seed", 1)
    copy = shutil.copytree(source, tmp_path / "source")
    os.utime(copy / "cat" / "001.jpg")
    assert "have changed since shard 0 began" in fail(PCR, *words(copy, shards, 2))
    plan = shards / layout.shard_plan_file(0, SHARDS)
    written = plan.read_text()
    plan.write_text(written.replace("SQLite 3", "SQLite 2"))
    assert "shard 0 was made by pcr" in fail(PCR, *again)
    plan.write_text(written)
    other = convert_shards(copy, tmp_path / "other", 2)
    for path in other.iterdir():
        shutil.copy(path, shards)
    assert "have changed since shard 0 began" in fail(PCR, "merge", shards)
    shutil.copy(other / layout.shard_plan_file(2, SHARDS), shards / layout.shard_plan_file(2, 7))
    assert "some of 4 and some of 7" in fail(PCR, "merge", shards)


def test_what_is_done_with_bad_images_may_differ_where_there_are_none(
    source: Path, converted: Path, tmp_path: Path
) -> None:
    """A shard fails at a bad image and is repeated with --on_bad_image; the others need not be."""
    out = tmp_path / "out"
    codes = []
    for shard in range(SHARDS):
        codes.append(run(PCR, *words(source, out, shard), "--on_bad_image", "fail").returncode)
        convert_shards(source, out, *[shard] * codes[-1])
    assert sorted(set(codes)) == [0, 1]
    succeed(PCR, "merge", out)
    assert_same_dataset(out, converted)


def test_two_processes_on_one_shard(source: Path, tmp_path: Path) -> None:
    out = tmp_path
    with shard_locked(LocalStore(out), 1, SHARDS):
        code, printed = Conversion(out, *words(source, out, 1), command=PCR).join()
        assert code == 1 and "another process is converting shard 1/4" in printed
        code, printed = Conversion(out, *words(source, out, 2), command=PCR).join()
        assert code == 0, printed
        for command in (("merge", out), ("convert", source, out, *OPTIONS)):
            code, printed = Conversion(out, *command, command=PCR).join()
            assert code == 1 and "another process is writing here" in printed
    convert_shards(source, out, 1)


def test_other_contents_of_the_directory(
    source: Path, converted: Path, shards: Path, tmp_path: Path
) -> None:
    assert "already holds a dataset" in fail(PCR, *words(source, converted, 0))
    assert not (converted / layout.SHARDS_LOCK_FILE).exists()
    shutil.copy(converted / layout.record_file(0), tmp_path)
    assert "already holds PCR_0.db" in fail(PCR, *words(source, tmp_path, 0))
    (tmp_path / layout.record_file(0)).rename(tmp_path / layout.PLAN_FILE)
    assert "began without --shard" in fail(PCR, *words(source, tmp_path, 0))
    assert "an unfinished conversion without" in fail(PCR, "merge", tmp_path)
    assert "found none" in fail(PCR, "merge", tmp_path / "nowhere")
    assert "found none" in fail(PCR, "merge", source)
    whole = ("convert", source, shards, *OPTIONS)
    assert "or use --restart to drop them" in fail(PCR, *whole)
    succeed(PCR, *whole, "--restart")
    assert_same_dataset(shards, converted)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--shard", "4/4"), "--shard: expected i/n with i from 0 to n - 1, found 4/4"),
        (("--shard", "0/0"), "found 0/0"),
        (("--shard", "0/4", "--force"), "--shard: cannot be combined with --force"),
        (("--shard", "0/4", "--restart"), "--shard: cannot be combined with --restart"),
        (("--shard", "0/4", "--convert_images"), "cannot be combined with --convert_images"),
        (("--shard", "0/4", "--mssim_estimate_size", "9"), "run pcr profile when"),
    ],
)
def test_wrong_usage(source: Path, tmp_path: Path, flags: tuple[str, ...], expected: str) -> None:
    assert expected in fail(ADVANCED, source, tmp_path / "out", *flags, code=2)
    assert not (tmp_path / "out").exists()


def test_words_that_are_no_shard(source: Path, tmp_path: Path) -> None:
    for text in ("3", "-1/4", "a/b", "1/2/3"):
        result = run(PCR, "convert", source, tmp_path / "out", f"--shard={text}")
        assert result.returncode == 2
        assert f"argument --shard: expected I/N, as in 0/8, found '{text}'" in result.stderr


def test_a_damaged_plan_file_is_named(source: Path, converted: Path, shards: Path) -> None:
    plan = shards / layout.shard_plan_file(3, SHARDS)
    plan.write_bytes(b'{"format_version": 1}\n')
    for command in (("merge", shards), words(source, shards, 3)):
        assert f"{plan}: expected the plan" in fail(PCR, *command)
        assert "delete it and convert the shard again" in fail(PCR, *command)
    plan.unlink()
    convert_shards(source, shards, 3)
    succeed(PCR, "merge", shards)
    assert_same_dataset(shards, converted)


def test_every_image_skipped(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"cat": 3})
    for path in source.rglob("*.jpg"):
        path.write_bytes(b"?")
    out = convert_shards(source, tmp_path / "out", *range(2), count=2)
    assert f"{source}: every image was skipped, nothing was written" in fail(PCR, "merge", out)
