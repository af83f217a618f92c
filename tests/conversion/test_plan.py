"""The plan: every image once, in an order that depends on folder and options alone; and its journal."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcr.conversion.encode import Problem
from pcr.conversion.journal import FinishedRecord, Journal
from pcr.conversion.options import ConversionOptions
from pcr.conversion.plan import Plan, record_starts
from pcr.conversion.sources.local_folder import LocalFolder, Sample
from pcr.dataset.messages import RecordIndex
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.ladder import Ladder
from pcr.storage.local import LocalStore

OPTIONS = ConversionOptions(Ladder.load("standard"), images_per_record=4)


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    """23 files of growing size."""
    (tmp_path / "a").mkdir()
    for number in range(23):
        (tmp_path / "a" / f"{number:02d}.jpg").write_bytes(bytes(number))
    return LocalFolder(
        tmp_path, ("a",), tuple(Sample(f"a/{number:02d}.jpg", 0) for number in range(23))
    )


def record(images: int = 1) -> FinishedRecord:
    index = RecordIndex(images, 100, (10, 50, 100), (1, 2, 3), (2**64 - 1, 5, 6), 7)
    return FinishedRecord(index, 11, (Problem("a/\udcffx\n.jpg", "skipped", "“why”"),))


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    images_per_record=st.integers(1, 20),
    most=st.integers(1, 100),
)
def test_records_hold_every_image_once_within_both_limits(
    sizes: list[int], images_per_record: int, most: int
) -> None:
    starts = record_starts(sizes, images_per_record, most)
    ends = [*starts[1:], len(sizes)]
    assert starts[0] == 0 and all(a < b for a, b in zip(starts, ends, strict=True))
    for a, b in zip(starts, ends, strict=True):
        assert b - a <= images_per_record and (sum(sizes[a:b]) <= most or b - a == 1)
    for a, b in zip(starts[:-1], ends[:-1], strict=True):  # none closes too early
        assert b - a == images_per_record or sum(sizes[a : b + 1]) > most


def test_a_plan_is_a_function_of_folder_and_options(folder: LocalFolder) -> None:
    first, again = Plan.make(folder, OPTIONS), Plan.make(folder, OPTIONS)
    assert first == again
    assert sorted(s.name for s in first.samples) == [s.name for s in folder.samples]
    assert list(first.source_bytes) == [int(s.name[2:4]) for s in first.samples]
    assert first.records == 6 and list(first.record_range(5)) == [20, 21, 22]
    other = Plan.make(folder, replace(OPTIONS, seed=1))
    assert other.samples != first.samples and other.fingerprint == first.fingerprint
    assert Plan.make(folder, replace(OPTIONS, shuffle=False)).samples == folder.samples


def test_a_fingerprint_tells_of_changes(folder: LocalFolder) -> None:
    rewriting = replace(OPTIONS, convert_images=True)
    before, rewritten = Plan.make(folder, OPTIONS), Plan.make(folder, rewriting)
    os.utime(folder.path(folder.samples[3]), (1, 1))
    assert Plan.make(folder, OPTIONS).fingerprint != before.fingerprint
    # A conversion that rewrites its sources changes times and sizes itself.
    assert Plan.make(folder, rewriting).fingerprint == rewritten.fingerprint
    fewer = replace(folder, samples=folder.samples[1:])
    assert Plan.make(fewer, rewriting).fingerprint != rewritten.fingerprint


def test_a_missing_file(folder: LocalFolder) -> None:
    folder.path(folder.samples[0]).unlink()
    with pytest.raises(DatasetError, match=r"00\.jpg: expected an image, found: No such file"):
        Plan.make(folder, OPTIONS)
    assert len(Plan.make(folder, replace(OPTIONS, on_bad_image="skip")).samples) == 23


def test_options_are_checked() -> None:
    for changes in (
        {"images_per_record": 0},
        {"seed": -1},
        {"quality": 0},
        {"static_compression": 101},
        {"duplicate_dataset_factor": 0},
        {"convert_images": True, "static_compression": 50},
        {"on_bad_image": "ignore"},
        {"copy_markers": "some"},
        {"restart_rows": -1},
        {"restart_rows": 65536},
    ):
        with pytest.raises(UsageError, match=r"expected|cannot be combined"):
            replace(OPTIONS, **changes)  # type: ignore[arg-type]


def test_a_journal_gives_back_what_was_noted(folder: LocalFolder, tmp_path: Path) -> None:
    plan, journal = Plan.make(folder, OPTIONS), Journal(LocalStore(tmp_path))
    journal.begin(plan)
    written = [record(n) for n in range(3)]
    for number, entry in enumerate(written):
        journal.add(entry)
        (tmp_path / f"PCR_{number}.db").write_bytes(bytes(100))
    assert journal.resume(plan) == (plan, written)
    with (tmp_path / journal.name).open("ab") as file:
        file.write(b'{"index": {"images": 1')
    assert journal.resume(plan) == (plan, written)
    (tmp_path / "PCR_1.db").write_bytes(bytes(99))
    with pytest.raises(DatasetError, match=r"PCR_1\.db: expected the record of 100 bytes"):
        journal.resume(plan)


@pytest.mark.parametrize(
    "damage",
    [
        {"options": 3},
        {"options": None},
        {"fingerprint": 7},
        {"base_records": None},
        {"record_starts": "x"},
        {"record_starts": []},
        {"record_starts": [0, "1"]},
        {"record_starts": [0, 5, 5]},
        {"record_starts": [0, 10**9]},
        {"record_starts": [3]},
    ],
)
def test_a_damaged_header_is_refused(
    folder: LocalFolder, tmp_path: Path, damage: dict[str, object]
) -> None:
    plan, journal = Plan.make(folder, OPTIONS), Journal(LocalStore(tmp_path))
    journal.begin(plan)
    header = json.loads((tmp_path / journal.name).read_text())
    for damaged in ({**header, **damage}, {k: v for k, v in header.items() if k not in damage}):
        (tmp_path / journal.name).write_text(json.dumps(damaged) + "\n")
        with pytest.raises(FormatError, match=r"found it damaged .* use `restart` to drop it"):
            journal.resume(plan)


def test_more_records_than_planned_are_refused(folder: LocalFolder, tmp_path: Path) -> None:
    plan, journal = Plan.make(folder, OPTIONS), Journal(LocalStore(tmp_path))
    journal.begin(plan, [record(n) for n in range(plan.records + 1)])
    with pytest.raises(FormatError, match="found it damaged"):
        journal.resume(plan)


def test_only_what_to_do_with_bad_images_may_change(folder: LocalFolder, tmp_path: Path) -> None:
    journal = Journal(LocalStore(tmp_path))
    journal.begin(Plan.make(folder, OPTIONS))
    skipping = Plan.make(folder, replace(OPTIONS, on_bad_image="skip"))
    assert journal.resume(skipping) == (skipping, [])
    with pytest.raises(DatasetError, match="began with `on_bad_image='skip'`, not"):
        journal.resume(Plan.make(folder, OPTIONS))
    with pytest.raises(DatasetError, match="began with `images_per_record=4`, not"):
        journal.resume(Plan.make(folder, replace(skipping.options, images_per_record=5)))
