"""Classes and order of files are those of torchvision's ImageFolder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pcr.errors import DatasetError
from pcr.imagefolder import EXTENSIONS, ImageFolder


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_the_same_samples_as_torchvision(tmp_path: Path) -> None:
    folder_module = pytest.importorskip("torchvision.datasets.folder")
    _touch(
        tmp_path,
        "b/z.jpg",
        "b/A.JPEG",
        "b/sub/deep/1.jpg",
        "b/sub.x/0.jpg",
        "a/with space.jpg",
        "a/line\nbreak.jpg",
        "a/notes.txt",
        "Ünï/é.jpeg",
        "a/.hidden.jpg",
        "outside.jpg",
    )
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "link.jpg").symlink_to(tmp_path / "b" / "z.jpg")
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    ours = ImageFolder.scan(tmp_path)
    theirs = folder_module.ImageFolder(str(tmp_path), loader=lambda path: None)
    assert list(ours.classes) == theirs.classes
    assert [(str(ours.path(s)), s.label) for s in ours.samples] == theirs.samples
    assert folder_module.IMG_EXTENSIONS == EXTENSIONS


@pytest.mark.skipif(sys.platform == "darwin", reason="APFS takes UTF-8 names only")
def test_names_of_any_bytes(tmp_path: Path) -> None:
    _touch(tmp_path, os.fsdecode(b"k\xff/\xfe.jpg"))
    (sample,) = ImageFolder.scan(tmp_path).samples
    assert os.fsencode(sample.name) == b"k\xff/\xfe.jpg"


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ((), "expected one sub-folder per class, found none"),
        (("a/x.txt",), "expected images"),
        (("a/x.jpg", "b/x.txt", "c/y.txt"), "found none in 'b', 'c'"),
    ],
)
def test_a_folder_without_classes_or_images_is_refused(
    tmp_path: Path, names: tuple[str, ...], complaint: str
) -> None:
    _touch(tmp_path, *names)
    with pytest.raises(DatasetError, match=complaint):
        ImageFolder.scan(tmp_path)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such directory"):
        ImageFolder.scan(tmp_path / "nowhere")


def test_links_that_lead_back_are_not_followed(tmp_path: Path) -> None:
    _touch(tmp_path, "a/x.jpg", "a/deep/y.jpg", "b/z.jpg")
    for link, target in {
        "a/here": ".",
        "a/again": "../a",
        "a/deep/up": "..",
        "a/deep/top": "../..",
        "b/a": "../a",
        "b/twice": "../a",
        "root": ".",
    }.items():
        (tmp_path / link).symlink_to(target)
    folder = ImageFolder.scan(tmp_path)
    assert folder.classes == ("a", "b")
    assert [sample.name for sample in folder.samples] == [
        "a/x.jpg",
        "a/deep/y.jpg",
        "b/z.jpg",
        "b/a/x.jpg",
        "b/a/deep/y.jpg",
        "b/twice/x.jpg",
        "b/twice/deep/y.jpg",
    ]


def test_many_links_to_one_folder_are_listed_at_once(tmp_path: Path) -> None:
    _touch(tmp_path, "a/x.jpg")
    for number in range(8):  # followed, these would be 8 ** 40 folders
        (tmp_path / "a" / f"l{number}").symlink_to(".")
    assert len(ImageFolder.scan(tmp_path).samples) == 1
