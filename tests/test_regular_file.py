"""Files of other people: regular ones are read, all others are refused and never wait."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.conversions import PCR, fail, succeed
from helpers.special_files import KINDS, special_file
from helpers.toy_data import make_folder

from pcr.dataset.writer import file_checksum
from pcr.errors import DatasetError, FormatError, describe
from pcr.imagefolder import ImageFolder
from pcr.ladder import Ladder
from pcr.loading.image_files import FileIterator
from pcr.regular_file import named_errors, read_regular


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    with special_file(path, kind):
        with pytest.raises(OSError, match=f"a {kind}, not a regular file") as caught:
            read_regular(path)
        assert describe(caught.value) == f"{path}: a {kind}, not a regular file"
        with pytest.raises(OSError, match=f"a {kind}, not a regular file"):
            file_checksum(path)
        with pytest.raises(FormatError, match=f"found: a {kind}, not a regular file"):
            Ladder.load(path)


def test_a_regular_file_up_to_a_size(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert read_regular(tmp_path / "x", 3) == read_regular(tmp_path / "x") == b"abc"
    with pytest.raises(OSError, match="expected at most 2 bytes, found 3"):
        read_regular(tmp_path / "x", 2)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_an_image_that_is_no_file_keeps_nobody_waiting(tmp_path: Path, kind: str) -> None:
    root = make_folder(tmp_path / "folder", 2)
    path = root / "blue" / "x.jpg"
    with special_file(path, kind):
        for only_jpegs in (False, True):
            source = FileIterator(ImageFolder.scan(root), 2, only_jpegs=only_jpegs)
            with pytest.raises(DatasetError, match=rf"{path}: .* \(a {kind}, not a regular file\)"):
                list(source)
        line = fail(PCR, "convert", root, tmp_path / "out", "--quiet")
        assert line.startswith(f"error: {path}: a {kind}, not a regular file. ")
        printed = succeed(
            PCR, "convert", root, tmp_path / "out", "--quiet", "--on_bad_image", "skip"
        )
        assert "4 images in 1 record" in printed


def test_an_error_of_reading_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=re.escape(f"Input/output error: '{tmp_path}'")),
        named_errors(tmp_path),
    ):
        raise OSError(5, "Input/output error")
    with pytest.raises(OSError, match="'other'"), named_errors(tmp_path):
        raise OSError(5, "Input/output error", "other")
