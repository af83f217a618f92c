"""Which file each image of an export gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcr.errors import DatasetError
from pcr.tools.export_files import (
    check_classes,
    file_names,
    folded,
    ignores_case,
    sample_file,
    sample_key,
)


def same(names: list[str]) -> dict[str, str]:
    """Each image is to have its name's file."""
    return {name: name for name in names}


def test_names_of_jpegs_stay_and_others_get_the_extension() -> None:
    names = ["a/x.jpg", "a/y.JPEG", "a/z.png", "b/x.jpg", "a/x.jpg"]
    assert file_names(same(names)) == {
        "a/x.jpg": "a/x.jpg",
        "a/y.JPEG": "a/y.JPEG",
        "a/z.png": "a/z.png.jpg",
        "b/x.jpg": "b/x.jpg",
    }


def test_a_taken_name_gets_the_first_free_number() -> None:
    names = ["a/x.png", "a/x.png.2.jpg", "a/x.png.jpg", "a/y.bmp", "a/y.bmp.jpg/z.jpg"]
    files = file_names(same(names))
    assert files["a/x.png"] == "a/x.png.3.jpg" and files["a/y.bmp"] == "a/y.bmp.2.jpg"
    assert sorted(files) == sorted(names) and len(set(files.values())) == len(names)


def test_names_that_differ_in_case_alone() -> None:
    names = ["a/x.jpg", "a/X.jpg", "a/X.JPG", "a/e\u0301.jpg", "a/\u00e9.jpg"]
    assert list(file_names(same(names)).values()) == names
    assert list(file_names(same(names), key=folded).values()) == [
        "a/x.jpg",
        "a/X.2.jpg",
        "a/X.3.JPG",
        "a/e\u0301.jpg",
        "a/\u00e9.2.jpg",
    ]
    with pytest.raises(DatasetError, match="classes 'B' and 'b' would be one folder"):
        check_classes(["b/x.jpg", "c/x.jpg", "B/y.jpg"])


def test_many_names_on_one_file_take_no_time_that_grows_with_their_square() -> None:
    names = [f"a/{number:020b}".translate({48: "x", 49: "X"}) + ".jpg" for number in range(20_000)]
    assert len(set(file_names(same(names), key=folded).values())) == len(names)


def test_this_file_system_is_asked(tmp_path: Path) -> None:
    (tmp_path / "probe").touch()
    assert ignores_case(tmp_path) == (tmp_path / "PROBE").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["probe"]


def test_members_of_tar_files_have_one_dot_and_keys_of_their_own() -> None:
    names = ["a.b/x.jpg", "a.b/x.y.JPEG", "a.b/x_y.jpg", "a.b/x.png", "a.b/x.jpeg", "a.b/.jpg", "z"]
    files = file_names({name: sample_file(name) for name in names}, key=sample_key, separator="_")
    assert files == {
        "a.b/x.jpg": "a.b/x.jpg",
        "a.b/x.y.JPEG": "a.b/x_y.JPEG",
        "a.b/x_y.jpg": "a.b/x_y_2.jpg",
        "a.b/x.png": "a.b/x_png.jpg",
        "a.b/x.jpeg": "a.b/x_2.jpeg",
        "a.b/.jpg": "a.b/_.jpg",
        "z": "z.jpg",
    }
