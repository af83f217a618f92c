"""Records in parts: which images are encoded and packed together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from threading import Event
from unittest.mock import patch

import pytest
from helpers.conversions import contents
from helpers.datasets import failures
from helpers.records import sources
from hypothesis import given
from hypothesis import strategies as st

from pcr.conversion.options import ConversionOptions
from pcr.conversion.plan import Plan
from pcr.conversion.record_parts import divide, encode_part
from pcr.conversion.run import convert
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.errors import FormatError
from pcr.imagefolder import Sample
from pcr.ladder import Ladder
from pcr.storage.retries import give_up_when

KIB, MIB = 2**10, 2**20
OPTIONS = ConversionOptions(Ladder.load("standard"), shuffle=False)


class _Plan:
    """The sizes of the images of one record, after another record of three images."""

    def __init__(self, sizes: list[int]) -> None:
        self.source_bytes = (1, 1, 1, *sizes)

    def record_range(self, record: int) -> range:
        assert record == 1
        return range(3, len(self.source_bytes))


def parts_of(sizes: list[int], threads: int = 1) -> list[range]:
    return list(divide(_Plan(sizes), 1, threads))  # type: ignore[arg-type]


@given(
    st.lists(st.sampled_from([0, KIB, 100 * KIB, MIB - 1, MIB, MIB + 1, 50 * MIB]), max_size=99),
    st.integers(1, 40),
)
def test_parts_are_all_images_in_order_few_or_small_or_one(sizes: list[int], threads: int) -> None:
    most = max(1, min(16, len(sizes) // (4 * threads)))
    parts = parts_of(sizes, threads)
    assert [i for part in parts for i in part] == list(range(3, 3 + len(sizes)))
    assert len(parts) >= min(len(sizes), 4 * threads)
    for part, following in zip_longest(parts, parts[1:]):
        part_bytes = sum(sizes[i - 3] for i in part)
        assert 1 <= len(part) <= most
        assert len(part) == 1 or part_bytes <= MIB
        if following is not None:
            assert len(part) == most or part_bytes + sizes[following[0] - 3] > MIB


def test_an_image_over_the_limit_is_a_part_of_its_own() -> None:
    parts = parts_of([KIB] * 20 + [300 * MIB] + [KIB] * 60)
    assert list(map(len, parts)) == [16, 4, 1, 16, 16, 16, 12]


def test_all_threads_have_parts_of_a_small_record() -> None:
    assert len(parts_of([KIB] * 128, threads=32)) == 128
    assert len(parts_of([KIB] * 1024, threads=32)) == 128


def bad_images(root: Path, bad: set[int]) -> Path:
    """A folder of 24 images, which one worker converts in parts of six; those in ``bad`` are none."""
    (root / "ant").mkdir(parents=True)
    for number, data in enumerate(sources(24)):
        (root / "ant" / f"{number:02d}.jpg").write_bytes(b"none" if number in bad else data)
    return root


def test_parts_without_an_image_leave_the_others_in_order(tmp_path: Path) -> None:
    bad = {*range(6, 12), 13, 23}
    source = bad_images(tmp_path / "source", bad)
    options = replace(OPTIONS, on_bad_image="skip")
    summary = convert(source, tmp_path / "out", options, num_workers=1, progress=False)
    good = [number for number in range(24) if number not in bad]
    assert [name for name, _, _ in contents(tmp_path / "out")] == [f"ant/{i:02d}.jpg" for i in good]
    assert [problem.name for problem in summary.problems] == [
        f"ant/{i:02d}.jpg" for i in sorted(bad)
    ]
    assert failures(tmp_path / "out") == {}


def test_the_first_bad_image_is_named(tmp_path: Path) -> None:
    source = bad_images(tmp_path / "source", {8, 9, 20})
    for workers in (1, 4):
        with pytest.raises(FormatError, match=r"ant/08\.jpg"):
            convert(source, tmp_path / "out", OPTIONS, num_workers=workers, progress=False)


def test_no_image_is_begun_once_a_conversion_is_stopping(tmp_path: Path) -> None:
    plan = Plan.make(LocalFolder.scan(bad_images(tmp_path, set())), OPTIONS)
    stopping, read, begun = Event(), LocalFolder.read, []

    def stop_at_second(folder: LocalFolder, sample: Sample, most_bytes: int) -> bytes:
        begun.append(sample.name)
        if len(begun) == 2:
            stopping.set()
        return read(folder, sample, most_bytes)

    with (
        patch.object(LocalFolder, "read", stop_at_second),
        ThreadPoolExecutor(1, initializer=give_up_when, initargs=(stopping.is_set,)) as pool,
    ):
        pool.submit(encode_part, plan, range(6)).result()
    assert begun == ["ant/00.jpg", "ant/01.jpg"]
