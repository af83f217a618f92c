"""What verifying a dataset finds, and what a damaged one does to its readers."""

from __future__ import annotations

import os
import random
import re
import resource
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs, records
from helpers.conversions import (
    CONVERTER,
    PCR,
    succeed,
)
from helpers.datasets import failures, flip, rewrite

from pcr.dataset.reader import Dataset
from pcr.dataset.writer import file_checksum, write_index
from pcr.errors import DatasetError, FormatError
from pcr.ladder import Ladder
from pcr.loading.loader import Loader
from pcr.loading.windows import EvalTransform
from pcr.tools.verification import verify


def test_images_as_tall_as_jpegs_can_be(tmp_path: Path) -> None:
    photo = tmp_path / "in" / "towers" / "tower.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(jpegs.tall(16, 65535))
    succeed(CONVERTER, tmp_path / "in", tmp_path / "out")
    verdicts = succeed(PCR, "verify", tmp_path / "out", "--decode", "--quiet")
    assert verdicts.splitlines() == ["PCR.db OK", "PCR_0.db OK"]


@pytest.mark.parametrize("name", ["PCR_0.db", "PCR_2.db", "PCR.db"])
def test_verify_detects_every_flipped_bit(dataset: Path, name: str) -> None:
    path, rng = dataset / name, random.Random(name)
    bits = 8 * path.stat().st_size
    for bit in [rng.randrange(bits) for _ in range(100)]:
        before = flip(path, bit)
        failed = next((verdict.file for verdict in verify(dataset) if verdict.failure), None)
        assert failed == name, f"bit {bit}"
        path.write_bytes(before)
    assert failures(dataset) == {}


def test_verify_detects_other_lengths(dataset: Path) -> None:
    path = dataset / "PCR_0.db"
    data = path.read_bytes()
    for changed in (data[:-1], data[: len(data) // 2], b"", data + b"\0", data + data[-4096:]):
        path.write_bytes(changed)
        assert "bytes, found" in failures(dataset)["PCR_0.db"]


def test_verify_checks_what_a_faulty_writer_would_get_wrong(dataset: Path) -> None:
    info = Dataset(dataset).records[0].info()
    first, *others = info.images
    swapped = (1 - info.labels).astype(np.int32)
    longer = (*first.level_bytes[:-2], first.level_bytes[-2] + 1, first.level_bytes[-1] - 1)
    for changes, reason in (
        ({"labels": swapped}, "expected its class's label"),
        ({"images": (replace(first, name="cat/../../x.jpg"), *others)}, "expected an image name"),
        ({"images": (replace(first, width=1), *others)}, "expected width, height, components (1,"),
        (
            {"images": (replace(first, level_bytes=longer), *others)},
            f"level 9: expected {longer[8]} bytes of image 0",
        ),
    ):
        rewrite(dataset, 0, **{"labels": info.labels, "images": info.images, **changes})
        assert reason in failures(dataset)["PCR_0.db"]
    rewrite(dataset, 0, labels=info.labels, images=info.images)
    assert failures(dataset) == {}


def test_an_orientation_that_exif_does_not_know(dataset: Path) -> None:
    first, *others = Dataset(dataset).records[0].info().images
    rewrite(dataset, 0, images=(replace(first, orientation=1000), *others))
    reason = "expected 0 to 8 as an EXIF orientation, found 1000"
    assert reason in failures(dataset)["PCR_0.db"]
    loader = Loader(
        dataset,
        1,
        transform=EvalTransform(8, 8),
        apply_orientation=True,
        output="numpy",
    )
    with pytest.raises(FormatError, match=reason):
        list(loader)
    assert len(list(Loader(dataset, 1, transform=EvalTransform(8, 8), output="numpy"))) > 1


def test_verify_checks_prefixes(tmp_path: Path) -> None:
    """Tables filled in another order hold the same messages, but no prefix is a level."""
    opened = records.make_dataset(tmp_path, (40,))
    path, index = opened.records[0].path, opened.records[0].entry
    contents = opened.records[0].read_groups(10)
    names = ["metadata", *(f"scan_group_{level}" for level in range(1, 11))]
    header = path.read_bytes()[:100]
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("application_id", "user_version"):
            at = {"application_id": 68, "user_version": 60}[pragma]
            connection.execute(f"PRAGMA {pragma} = {int.from_bytes(header[at : at + 4], 'big')}")
        for name in names:
            connection.execute(f"CREATE TABLE {name} (value BLOB NOT NULL)")
        for name, content in reversed(list(zip(names, contents, strict=True))):
            connection.execute(f"INSERT INTO {name} VALUES (?)", (content,))
    changed = replace(index, file_checksum=file_checksum(path))
    write_index(tmp_path, opened.info, [changed])
    assert "is not complete in the first" in failures(tmp_path)["PCR_0.db"]


def test_a_damaged_record_is_read_right_or_refused(tmp_path: Path) -> None:
    """Each byte flipped, each length: the right images, or the file and the place."""
    ladder = tmp_path / "two.txt"
    ladder.write_text(Ladder.load("standard").with_levels(2).text)
    dataset = records.make_dataset(tmp_path / "tiny", (2,), str(ladder))
    path, levels = dataset.records[0].path, range(1, 3)
    data = path.read_bytes()
    right = {level: dataset.records[0].read(level) for level in levels}
    place = "database|table|scan group|metadata|sizes|levels|labels|limit"
    refused = 0
    with path.open("r+b", buffering=0) as file:
        for at in range(len(data)):
            os.pwrite(file.fileno(), bytes([data[at] ^ 0xFF]), at)
            for level in levels:
                try:
                    found = dataset.records[0].read(level)
                except FormatError as error:
                    assert re.match(rf"{path}: .*({place})", str(error))
                    refused += 1
                else:
                    assert found.data.tobytes() == right[level].data.tobytes()
                    assert found.labels.tolist() == right[level].labels.tolist()
            os.pwrite(file.fileno(), data[at : at + 1], at)
        assert refused > sum(dataset.records[0].entry.group_bytes)
        for length in reversed(range(len(data))):
            file.truncate(length)
            with pytest.raises(FormatError, match=rf"{path}: expected {len(data)} bytes"):
                dataset.records[0].read(2)


@pytest.mark.parametrize("file", ["PCR.db", "PCR_0.db"])
def test_a_full_temporary_folder_makes_no_record_damaged(converted: Path, file: str) -> None:
    """Of the record, the folder still takes the index."""
    room = 1 if file == "PCR.db" else (converted / "PCR.db").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    verdicts = []
    try:
        with pytest.raises(DatasetError, match=r"needs room .* set TMPDIR to another") as caught:
            verdicts += verify(converted)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value).startswith(f"{tempfile.gettempdir()}: ")
    assert not [verdict for verdict in verdicts if verdict.failure]
    assert failures(converted) == {}
