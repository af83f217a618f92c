"""pcr info, verify and export, and what a damaged dataset does to its readers."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs, records
from helpers.conversions import CONVERTER, PCR, fail, make_folder, run, succeed

from pcr.dataset import layout
from pcr.dataset.messages import RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import file_checksum, write_index, write_record
from pcr.errors import DatasetError, FormatError
from pcr.imagefolder import ImageFolder
from pcr.ladder import Ladder
from pcr.loading.loader import Loader
from pcr.loading.transforms import EvalTransform
from pcr.tools.image_export import export
from pcr.tools.verification import verify


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_folder(tmp_path_factory.mktemp("source"), {"cat": 9, "dog": 9})
    (root / "dog" / "turned.jpeg").write_bytes(jpegs.encode(jpegs.photo(), exif=jpegs.exif(6)))
    return root


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "out"
    succeed(CONVERTER, source, out, "--quiet", "--batch_size", 8)
    return out


@pytest.fixture
def dataset(converted: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(converted, tmp_path / "dataset"))


def failures(root: Path) -> dict[str, str]:
    return {verdict.file: verdict.failure for verdict in verify(root) if verdict.failure}


def flip(path: Path, bit: int) -> bytes:
    """Flip one bit; the bytes from before."""
    data = path.read_bytes()
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)
    return data


def rewrite(root: Path, record: int, **changes: object) -> None:
    """Write a record again with other metadata, its checksums right, as a faulty writer might."""
    dataset = Dataset(root)
    metadata, *groups = dataset.records[record].read_groups()
    info = replace(RecordInfo.decode(metadata, "test"), **changes)  # type: ignore[arg-type]
    entries = [other.entry for other in dataset.records]
    entries[record] = write_record(dataset.records[record].path, info, groups)
    write_index(root, dataset.info, entries)


def test_info(converted: Path) -> None:
    printed = succeed(PCR, "info", converted)
    assert "19 in 3 records of 8" in printed
    assert "2: cat, dog" in printed
    facts = json.loads(succeed(PCR, "info", converted, "--json"))
    dataset = Dataset(converted)
    assert facts["images"] == 19
    assert facts["class_names"] == ["cat", "dog"]
    assert [row["level"] for row in facts["levels"]] == list(range(1, 11))
    for row in facts["levels"]:
        level = row["level"]
        assert row["prefix_bytes"] == sum(r.prefix_bytes[level] for r in dataset.records)
        assert row["bytes"] == sum(sum(r.entry.group_bytes[1 : level + 1]) for r in dataset.records)
    assert facts["levels"][-1]["share"] == 1
    assert facts["file_bytes"] == sum(p.stat().st_size for p in converted.glob("PCR_?.db"))


def test_names_that_the_terminal_cannot_show(converted: Path, tmp_path: Path) -> None:
    shutil.copytree(converted, tmp_path / "é")
    result = run(PCR, "info", tmp_path / "é", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0 and result.stdout.startswith(f"{tmp_path}/\\xe9\n")


def test_verify(converted: Path, dataset: Path) -> None:
    assert succeed(PCR, "verify", converted, "--decode", "--quiet").splitlines() == [
        "PCR.db OK",
        *(f"PCR_{number}.db OK" for number in range(3)),
    ]
    flip(dataset / "PCR_1.db", 8 * 20000)
    (dataset / "PCR_2.db").unlink()
    shutil.copy(dataset / "PCR_0.db", dataset / "PCR_7.db")
    result = run(PCR, "verify", dataset, "--quiet")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == ["PCR.db OK", "PCR_0.db OK"]
    assert lines[2].startswith("PCR_1.db FAILED (expected checksum ")
    assert lines[3:] == [
        "PCR_2.db FAILED (expected a record, found: No such file or directory)",
        "PCR_7.db FAILED (the index has no such record)",
    ]
    assert "expected a PCR dataset" in fail(PCR, "verify", dataset.parent)


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


def test_export_gives_the_folder_back(source: Path, converted: Path, tmp_path: Path) -> None:
    succeed(PCR, "export", converted, tmp_path / "full", "--quiet")
    assert ImageFolder.scan(tmp_path / "full").samples == ImageFolder.scan(source).samples
    for path in source.rglob("*.jp*"):
        exported = tmp_path / "full" / path.relative_to(source)
        assert np.array_equal(jpegs.decode(exported.read_bytes()), jpegs.decode(path.read_bytes()))
    succeed(PCR, "export", converted, tmp_path / "low", "--n_scans", 2, "--quiet")
    for path in (tmp_path / "low").rglob("*.jp*"):
        data, full = path.read_bytes(), tmp_path / "full" / path.relative_to(tmp_path / "low")
        assert data.endswith(b"\xff\xd9") and full.read_bytes().startswith(data[:-2])
        assert jpegs.decode(data).shape == jpegs.decode(full.read_bytes()).shape
    assert "between 1 and 10" in fail(
        PCR, "export", converted, tmp_path / "new", "--n_scans", 11, code=2
    )


def test_export_turns_images_upright(source: Path, converted: Path, tmp_path: Path) -> None:
    succeed(PCR, "export", converted, tmp_path / "out", "--apply_orientation", "--quiet")
    original = jpegs.decode((source / "dog" / "turned.jpeg").read_bytes())
    found = jpegs.decode((tmp_path / "out" / "dog" / "turned.jpeg").read_bytes())
    assert np.abs(np.rot90(original, -1).astype(int) - found).mean() < 3


def test_export_replaces_only_what_it_is_told_to(converted: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    assert "--force" in fail(PCR, "export", converted, tmp_path, "--quiet")
    succeed(PCR, "export", converted, tmp_path, "--quiet", "--force")
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert "found a file" in fail(PCR, "export", converted, tmp_path / "mine.txt", "--quiet")


@pytest.mark.parametrize(
    "name", ["../x.jpg", "/tmp/x.jpg", "cat/../../x.jpg", "cat/x\0.jpg", "cat//x.jpg", "x.jpg", ""]
)
def test_export_refuses_names_that_lead_out(dataset: Path, tmp_path: Path, name: str) -> None:
    first, *others = Dataset(dataset).records[1].info().images
    rewrite(dataset, 1, images=(replace(first, name=name), *others))
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected an image name"):
        list(export(Dataset(dataset), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_export_follows_no_links_out(converted: Path, tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (out / "cat").symlink_to(outside)
    with pytest.raises(DatasetError, match="found a link out of it"):
        list(export(Dataset(converted), out, force=True))
    assert list(outside.iterdir()) == []


def test_export_names_what_it_cannot_write(converted: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))

    result = run(PCR, "export", converted, tmp_path / "out", "--quiet", preexec_fn=limit)
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert re.fullmatch(rf"error: {tmp_path}/out/\S+/\S+\.jpg: File too large", line), line
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_export_of_what_was_no_jpeg(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "source", {"cat": 2}), tmp_path / "out"
    jpegs.photo().save(source / "cat" / "real.png")
    succeed(CONVERTER, source, tmp_path / "pcr", "--quiet", "--on_bad_image", "reencode")
    printed = succeed(PCR, "export", tmp_path / "pcr", out, "--quiet")
    assert printed == f"{out}: 3 images, 1 of them with .jpg added to their names\n"
    assert (out / "cat" / "real.png.jpg").read_bytes().startswith(b"\xff\xd8")


def test_layout_names() -> None:
    assert layout.record_number("PCR_12.db") == 12
    for name in ("PCR.db", "PCR_01.db", "PCR_1.db.pcr-tmp", "xPCR_1.db", "PCR_1.tfrecord"):
        assert layout.record_number(name) is None
    owned = ("PCR_1.tfrecord", "PCR_1.tfrecord.idx", "PCR_1.db.pcr-tmp", "PCR_timings.json")
    assert all(map(layout.is_dataset_file, owned))
    assert not layout.is_dataset_file("PCR_notes.txt")
