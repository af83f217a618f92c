"""--convert_images: files that keep all that they are, or are left alone and reported."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.conversions import CONVERTER, make_folder, state, succeed
from PIL import Image

from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset import layout


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "source", {"cat": 3})


def rewrite(source: Path) -> dict[str, str]:
    """Convert with convert_images; why which sources were left alone."""
    out = source.parent / "out"
    summary = convert(source, out, ConversionOptions(convert_images=True), progress=False)
    assert summary.images == 3
    report = out / layout.REPORT_FILE
    rows = list(csv.reader(report.open(newline=""))) if report.exists() else [[]]
    assert all(row[1] == "not rewritten" for row in rows[1:])
    return {name: reason for name, _, reason in rows[1:]}


def changed(before: dict[str, tuple[str, int]], after: dict[str, tuple[str, int]]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def mpo() -> bytes:
    """Two frames; the first one's MP index says where in the file the second lies."""
    file = io.BytesIO()
    second = jpegs.photo(60, 40)
    jpegs.photo().save(file, "MPO", save_all=True, append_images=[second], quality=90)
    return file.getvalue()


def test_a_file_with_more_after_the_image_is_left_alone(source: Path) -> None:
    (source / "cat" / "000.jpg").write_bytes(mpo())
    (source / "cat" / "001.jpg").write_bytes(jpegs.encode(jpegs.photo()) + b"video")
    before = state(source)
    assert "other data follow the image" in rewrite(source)["cat/000.jpg"]
    assert changed(before, state(source)) == {"cat/002.jpg"}
    with Image.open(source / "cat" / "000.jpg") as image:
        assert image.n_frames == 2
        image.seek(1)
        assert image.convert("RGB").size == (60, 40)


def test_hard_links_and_read_only_files_are_left_alone(source: Path) -> None:
    os.link(source / "cat" / "000.jpg", source.parent / "other name")
    (source / "cat" / "001.jpg").chmod(0o444)
    before = state(source)
    assert rewrite(source) == {
        "cat/000.jpg": "the file has 2 names (hard links)",
        "cat/001.jpg": "the file is read-only",
    }
    assert changed(before, state(source)) == {"cat/002.jpg"}
    assert (source / "cat" / "000.jpg").samefile(source.parent / "other name")


def test_rewritten_files_keep_attributes_and_times(source: Path) -> None:
    path = source / "cat" / "000.jpg"
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18 + 7))
    try:
        os.setxattr(path, "user.rights", b"mine")
    except OSError:
        pytest.skip("no extended attributes here")
    data = path.read_bytes()
    assert rewrite(source) == {}
    assert path.read_bytes() != data
    assert np.array_equal(jpegs.decode(path.read_bytes()), jpegs.decode(data))
    assert os.getxattr(path, "user.rights") == b"mine"
    assert (path.stat().st_mode & 0o7777, path.stat().st_mtime_ns) == (0o640, 10**18 + 7)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owner_and_group_are_kept(source: Path) -> None:
    path = source / "cat" / "000.jpg"
    os.chown(path, 1234, 5678)
    path.chmod(0o4750)
    data = path.read_bytes()
    assert rewrite(source) == {}
    found = path.stat()
    assert path.read_bytes() != data
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1234, 5678, 0o4750)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_files_of_others_are_left_alone() -> None:
    user = 65534
    with tempfile.TemporaryDirectory() as folder:  # pytest's are closed to other users
        source = make_folder(Path(folder) / "source", {"cat": 3})
        for path in (Path(folder), *source.rglob("*"), source):
            os.chown(path, user, user)
        os.chown(source / "cat" / "000.jpg", 1234, user)
        before = state(source)
        os.setegid(user)
        os.seteuid(user)
        try:
            assert rewrite(source) == {"cat/000.jpg": "the file belongs to another user"}
        finally:
            os.seteuid(0)
            os.setegid(0)
        assert changed(before, state(source)) == {"cat/001.jpg", "cat/002.jpg"}


def test_the_summary_counts_them_and_a_second_run_finds_nothing_to_do(source: Path) -> None:
    (source / "cat" / "001.jpg").chmod(0o444)
    flags = (source, source.parent / "out", "--quiet", "--convert_images")
    assert "1 source not rewritten: see" in succeed(CONVERTER, *flags)
    (source / "cat" / "000.jpg").chmod(0o444)
    before = state(source)
    assert "1 source not rewritten: see" in succeed(CONVERTER, *flags, "--force")
    assert state(source) == before
