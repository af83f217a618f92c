"""A conversion that is killed, interrupted or out of space resumes as if nothing had happened."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.conversions import (
    CONVERTER,
    PCR,
    dataset_bytes,
    fail,
    make_folder,
    run_process,
    state,
    succeed,
)
from helpers.killed_conversions import Conversion, assert_same_dataset

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.storage.local import LocalStore
from pcr.storage.lock import locked

KILLS = 20
OPTIONS = ("--batch_size", "8", "--quiet")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("source"), {"cat": 45, "dog": 45})


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "out"
    succeed(CONVERTER, source, out, *OPTIONS)
    return out


def begin(source: Path, out: Path, *flags: str) -> Conversion:
    return Conversion(out, source, out, *flags, *OPTIONS)


def moments(records: int) -> Iterator[tuple[str, ...]]:
    """Files whose appearance says how far a conversion is: before, in and after each record."""
    yield (layout.PLAN_FILE,)
    for file in map(layout.record_file, range(records)):
        yield file + TEMPORARY_SUFFIX, file
        yield (file,)


def test_killed_conversions_go_on_to_the_same_bytes(
    source: Path, converted: Path, tmp_path: Path
) -> None:
    before, kills = state(source), 0
    for trial, moment in enumerate(3 * [*moments(len(Dataset(converted).records))]):
        out = tmp_path / str(trial)
        kills += begin(source, out).wait_for(*moment).kill()
        if (out / layout.PLAN_FILE).exists():  # else it had finished before
            succeed(CONVERTER, source, out, *OPTIONS)
        assert_same_dataset(out, converted)
        if kills == KILLS:
            break
    assert kills == KILLS
    assert state(source) == before


def test_killed_append_goes_on_to_the_same_bytes(source: Path, tmp_path: Path) -> None:
    small = make_folder(tmp_path / "small", {"dog": 12})
    whole = tmp_path / "whole"
    succeed(CONVERTER, small, whole, *OPTIONS)
    old = dataset_bytes(whole)
    for path in whole.iterdir():
        for trial in range(3):
            (tmp_path / str(trial)).mkdir(exist_ok=True)
            (tmp_path / str(trial) / path.name).write_bytes(path.read_bytes())
    succeed(CONVERTER, source, whole, *OPTIONS, "--append")
    for trial in range(3):
        out = tmp_path / str(trial)
        begin(source, out, "--append").wait_for(layout.record_file(3 + 3 * trial)).kill()
        if (out / layout.PLAN_FILE).exists():
            assert (out / layout.INDEX_FILE).read_bytes() == old[layout.INDEX_FILE]
        succeed(CONVERTER, source, out, *OPTIONS, "--append")
        assert_same_dataset(out, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_order(
    source: Path, converted: Path, tmp_path: Path, number: signal.Signals
) -> None:
    conversion = begin(source, tmp_path / "out").wait_for(layout.record_file(2))
    code, errors = conversion.end(number)
    assert code == 130
    assert errors == (
        f"error: interrupted by signal {number.name}: "
        "run the same command again, without --force or --restart, to resume after the last "
        "complete record\n"
    )
    assert "without `force` or `restart`" in fail(PCR, "info", tmp_path / "out")
    printed = succeed(CONVERTER, source, tmp_path / "out", *OPTIONS)
    assert "from an earlier run" in printed
    assert_same_dataset(tmp_path / "out", converted)


def test_killed_between_index_and_the_end(source: Path, converted: Path, tmp_path: Path) -> None:
    """The one moment at which both the index and the plan are there."""
    out = tmp_path / "out"
    begin(source, out).wait_for(layout.record_file(5)).kill()
    plan = (out / layout.PLAN_FILE).read_bytes()
    succeed(CONVERTER, source, out, *OPTIONS)
    (out / layout.PLAN_FILE).write_bytes(plan + b'{"torn')
    succeed(CONVERTER, source, out, *OPTIONS)
    assert_same_dataset(out, converted)


def test_other_options_or_sources_are_refused(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "source", {"cat": 40}), tmp_path / "out"
    begin(source, out).wait_for(layout.record_file(1)).kill()
    assert "began with --seed 0, not --seed 1" in fail(
        CONVERTER, source, out, *OPTIONS, "--seed", 1
    )
    assert "began with --restart_rows 0, not --restart_rows 2" in fail(
        CONVERTER, source, out, *OPTIONS, "--restart_rows", 2
    )
    assert "began with another --ladder:" in fail(
        CONVERTER, source, out, *OPTIONS, "--ladder", "luma"
    )
    os.utime(source / "cat" / "001.jpg")
    assert "have changed since" in fail(CONVERTER, source, out, *OPTIONS)
    (source / "cat" / "new.jpg").write_bytes(b"")
    assert "now 41 images" in fail(CONVERTER, source, out, *OPTIONS)
    (out / "mine.txt").write_text("kept")
    (source / "cat" / "new.jpg").unlink()
    assert "use --restart to drop it and start over" in fail(CONVERTER, source, out, *OPTIONS)
    succeed(CONVERTER, source, out, *OPTIONS, "--restart")
    assert (out / "mine.txt").read_text() == "kept"
    # A finished dataset is nothing that was left unfinished.
    assert "already holds a dataset" in fail(CONVERTER, source, out, *OPTIONS, "--restart")


def test_a_damaged_plan_is_refused(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "source", {"cat": 9}), tmp_path / "out"
    out.mkdir()
    for plan in (b"", b"{}\n", b"[1, 2]\n", b"nonsense\n", b'"text"\n'):
        (out / layout.PLAN_FILE).write_bytes(plan)
        assert "use --restart" in fail(CONVERTER, source, out, *OPTIONS)
    succeed(CONVERTER, source, out, *OPTIONS, "--restart")
    assert len(Dataset(out)) == 9


def test_two_conversions_at_once_are_refused(source: Path, tmp_path: Path) -> None:
    with locked(LocalStore(tmp_path)):
        assert "another process is writing" in fail(CONVERTER, source, tmp_path, *OPTIONS)
    succeed(CONVERTER, source, tmp_path, *OPTIONS)


def test_a_file_size_limit_leaves_nothing_half_written(source: Path, tmp_path: Path) -> None:
    """Writing fails in mid-record, as on a full disk that one needs to be root to make."""
    before = state(source)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    result = run_process(CONVERTER, source, tmp_path, *OPTIONS, preexec_fn=limit)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == [layout.PLAN_FILE]
    assert state(source) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_disk(source: Path, converted: Path, tmp_path: Path) -> None:
    size = sum(map(len, dataset_bytes(converted).values()))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size // 2}", "tmpfs", tmp_path]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        out = tmp_path / "out"
        line = fail(CONVERTER, source, out, *OPTIONS)
        assert "No space left on device" in line
        assert "free some space and convert again, without --force" in line
        assert not (out / layout.INDEX_FILE).exists()
        remount = ["mount", "-o", f"remount,size={4 * size}", tmp_path]
        subprocess.run(remount, check=True)
        assert "from an earlier run" in succeed(CONVERTER, source, out, *OPTIONS)
        assert_same_dataset(out, converted)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_rewritten_sources_resume_too(tmp_path: Path) -> None:
    """With --convert_images sources change on the way, but not what they hold."""
    source, untouched = (make_folder(tmp_path / name, {"cat": 60}) for name in ("a", "b"))
    out, whole = tmp_path / "out", tmp_path / "whole"
    flags = (*OPTIONS, "--convert_images")
    succeed(CONVERTER, untouched, whole, *flags)
    begin(source, out, "--convert_images").wait_for(layout.record_file(2)).kill()
    succeed(CONVERTER, source, out, *flags)
    assert_same_dataset(out, whole)
    assert len(list(source.rglob("*"))) == len(list(untouched.rglob("*")))
