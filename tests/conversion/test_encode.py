"""Files that are damaged or anything but a JPEG, under every --on_bad_image; and every kind of JPEG."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.conversions import ADVANCED, CONVERTER, fail, make_folder, state, succeed
from PIL import Image

from pcr.conversion.encode import encode_source
from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, FormatError
from pcr.imagefolder import Sample
from pcr.ladder import Ladder

ODD_NAMES = (
    "with space.jpg",
    "new\nline.jpeg",
    "by\udce4te.jpg",
    "ünï.JPG",
    "quote'\".jpg",
    "tab\t.jpg",
)


def picture(kind: str) -> bytes:
    """A picture in another format than JPEG."""
    stream = io.BytesIO()
    jpegs.photo(mode="RGBA" if kind == "PNG" else "RGB").save(stream, kind)
    return stream.getvalue()


BAD = {name: make() for name, (make, _) in jpegs.BAD.items()}
BAD |= {
    "real png": picture("PNG"),
    "real bmp": picture("BMP"),
    "truncated": jpegs.encode(jpegs.photo())[:-300],
}


def options(on_bad_image: str = "fail") -> ConversionOptions:
    return ConversionOptions(Ladder.load("standard"), on_bad_image=on_bad_image)  # type: ignore[arg-type]


def report(out: Path) -> dict[str, tuple[str, str]]:
    with (out / layout.REPORT_FILE).open(
        newline="", encoding="utf-8", errors="surrogateescape"
    ) as file:
        return {row["name"]: (row["action"], row["reason"]) for row in csv.DictReader(file)}


@pytest.fixture
def bad_folder(tmp_path: Path) -> Path:
    """Good images, and a bad one of each kind."""
    root = make_folder(tmp_path / "source", {"good": 5})
    (root / "bad").mkdir()
    for name, data in BAD.items():
        (root / "bad" / f"{name}.JPEG").write_bytes(data)
    (root / "bad" / "dangling.jpg").symlink_to("nowhere")
    os.mkfifo(root / "bad" / "pipe.jpg")
    return root


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_fails_and_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "image.jpg").write_bytes(BAD[kind])
    with pytest.raises(FormatError) as caught:
        encode_source(LocalFolder(tmp_path, (), ()), Sample("image.jpg", 0), options())
    assert str(caught.value).startswith(f"{tmp_path}/image.jpg: ")
    if kind in jpegs.BAD:
        assert jpegs.BAD[kind][1] in str(caught.value)


def test_failing_is_the_default(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "source", {"cat": 20}), tmp_path / "out"
    bad = source / "cat" / "new\nline.jpg"
    bad.write_bytes(picture("PNG"))
    before = state(source)
    line = fail(CONVERTER, source, out, "--quiet", "--batch_size", 2)
    assert line.startswith(f"error: {source}/cat/new\\nline.jpg: expected a JPEG, found a PNG")
    assert "--on_bad_image skip" in line and "--on_bad_image reencode" in line
    assert state(source) == before
    with pytest.raises(DatasetError, match="interrupted"):
        Dataset(out)
    # What the message says works: the same command with another choice resumes.
    assert "from an earlier run" in succeed(
        CONVERTER, source, out, "--quiet", "--batch_size", 2, "--on_bad_image", "skip"
    )
    assert len(Dataset(out)) == 20


def test_skipped_images_are_reported(bad_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    printed = succeed(CONVERTER, bad_folder, out, "--quiet", "--on_bad_image", "skip")
    assert f"{len(BAD) + 2} images skipped, 0 re-encoded" in printed
    assert len(Dataset(out)) == 5
    rows = report(out)
    assert rows.keys() == {
        "bad/dangling.jpg",
        "bad/pipe.jpg",
        *(f"bad/{name}.JPEG" for name in BAD),
    }
    for name, (_, reason) in jpegs.BAD.items():
        assert rows[f"bad/{name}.JPEG"][0] == "skipped"
        assert reason in rows[f"bad/{name}.JPEG"][1]
    assert rows["bad/dangling.jpg"] == ("skipped", "No such file or directory")


def test_reencoded_images_are_reported(bad_folder: Path, tmp_path: Path) -> None:
    before, out = state(bad_folder), tmp_path / "out"
    succeed(CONVERTER, bad_folder, out, "--quiet", "--on_bad_image", "reencode", "--quality", 90)
    rows = report(out)
    taken = {name.removeprefix("bad/")[:-5] for name, row in rows.items() if row[0] == "re-encoded"}
    assert {"real png", "real bmp"} <= taken
    assert len(rows) == len(BAD) + 2
    assert not any(" at 0x" in reason for _, reason in rows.values())  # the same in every run
    dataset = Dataset(out)
    assert len(dataset) == 5 + len(taken)
    assert state(bad_folder) == before
    names = [image.name for image in dataset.records[0].info().images]
    found = jpegs.decode(dataset.records[0].read(10)[names.index("bad/real png.JPEG")])
    expected = np.asarray(jpegs.photo(mode="RGBA").convert("RGB"))
    assert np.abs(found.astype(int) - expected).mean() < 4


def test_when_all_are_bad_there_is_no_dataset(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "cat").mkdir(parents=True)
    (source / "cat" / "a.jpg").write_bytes(b"")
    line = fail(CONVERTER, source, tmp_path / "out", "--quiet", "--on_bad_image", "skip")
    assert "every image was skipped" in line and "cat/a.jpg: not a JPEG" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["only the first scan", "no EOI", "damaged image data"])
def test_static_compression_refuses_what_the_converter_refuses(kind: str, tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "source", {"cat": 1}), tmp_path / "out"
    (source / "cat" / "bad.jpg").write_bytes(BAD[kind])
    flags = ("--quiet", "--static_compression", 50)
    assert jpegs.BAD[kind][1] in fail(ADVANCED, source, out, *flags)
    assert "1 image skipped" in succeed(ADVANCED, source, out, *flags, "--on_bad_image", "skip")
    assert report(out)["cat/bad.jpg"][0] == "skipped"


def test_a_record_without_images(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"cat": 4})
    for number in range(2):
        (source / "cat" / f"{number:03d}.jpg").write_bytes(b"")
    out = tmp_path / "out"
    chosen = ConversionOptions(
        Ladder.load("standard"), images_per_record=2, shuffle=False, on_bad_image="skip"
    )
    convert(source, out, chosen, progress=False)
    dataset = Dataset(out)
    assert [len(record.read(10)) for record in dataset.records] == [0, 2]


def test_every_kind_of_jpeg_keeps_its_pixels(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    (source / "all" / "deep er").mkdir(parents=True)
    for name, make in jpegs.GOOD.items():
        (source / "all" / f"{name.replace('/', '')}.jpg").write_bytes(make())
    for name in ODD_NAMES:
        (source / "all" / "deep er" / name).write_bytes(jpegs.encode(jpegs.photo()))
    (source / "all" / "link.jpg").symlink_to(source / "all" / "baseline.jpg")
    (source / "linked").symlink_to(source / "all")
    before = state(source)
    convert(source, out, options(), progress=False)
    dataset = Dataset(out)
    info, images = dataset.records[0].info(), dataset.records[0].read(10)
    for number, image in enumerate(info.images):
        original = (source / image.name).read_bytes()
        assert np.array_equal(jpegs.decode(images[number]), jpegs.decode(original)), image.name
    names = {image.name for image in info.images}
    assert names >= {f"all/deep er/{name}" for name in ODD_NAMES} | {"linked/link.jpg"}
    assert state(source) == before
    assert next(i for i in info.images if i.name == "all/exif.jpg").orientation == 6


def test_copied_markers(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    jpeg = jpegs.encode(jpegs.photo(), exif=jpegs.exif(6), comment=b"hello")
    (source / "a" / "a.jpg").write_bytes(jpeg)
    for copy, expected in (
        ("none", (False, False)),
        ("exif", (True, False)),
        ("all", (True, True)),
    ):
        succeed(CONVERTER, source, tmp_path / copy, "--quiet", "--copy", copy)
        data = Dataset(tmp_path / copy).records[0].read(1)[0].tobytes()
        assert (b"Exif" in data, b"hello" in data) == expected


@pytest.mark.parametrize("name", [name for name in jpegs.GOOD if "late" in name])
def test_late_segments_change_no_colour_of_a_rewritten_source(tmp_path: Path, name: str) -> None:
    (tmp_path / "image.jpg").write_bytes(jpegs.GOOD[name]())
    rewriting = replace(options(), convert_images=True, copy_markers="all")
    encoded = encode_source(LocalFolder(tmp_path, (), ()), Sample("image.jpg", 0), rewriting).image
    assert encoded is not None
    expected = jpegs.decode(jpegs.GOOD[name]())
    assert np.array_equal(jpegs.decode((tmp_path / "image.jpg").read_bytes()), expected)
    assert np.array_equal(jpegs.decode(encoded.jpeg), expected)


def test_images_are_rewritten_only_where_that_is_asked_for(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"cat": 3})
    path = source / "cat" / "000.jpg"
    path.write_bytes(jpegs.encode(jpegs.photo(), exif=jpegs.exif(3)))
    path.chmod(0o640)
    (source / "cat" / "link.jpg").symlink_to(path)
    (source / "cat" / "bad.png").write_bytes(picture("PNG"))
    original, before = path.read_bytes(), state(source)
    arguments = (CONVERTER, source, tmp_path / "out", "--quiet", "--on_bad_image", "reencode")
    succeed(*arguments, "--convert_images", "False")
    assert state(source) == before
    succeed(*arguments, "--convert_images", "--force")
    rewritten = path.read_bytes()
    assert rewritten != original
    assert b"Exif" in rewritten and rewritten.endswith(b"\xff\xd9")
    assert path.stat().st_mode & 0o777 == 0o640
    assert (source / "cat" / "link.jpg").is_symlink()
    assert (source / "cat" / "bad.png").read_bytes() == picture("PNG")
    assert state(source).keys() == before.keys()
    with Image.open(path) as image:
        assert image.info["progressive"]
        assert np.array_equal(np.asarray(image), jpegs.decode(original))
