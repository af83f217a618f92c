"""The converter commands: what they print, write and refuse."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.conversions import (
    ADVANCED,
    CONVERTER,
    PCR,
    fail,
    make_folder,
    run,
    succeed,
)

from pcr import jpeg
from pcr.dataset import layout
from pcr.dataset.reader import Dataset


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("source"), {"ant": 12, "cow": 13})


def test_a_progress_bar_unless_quiet(source: Path, tmp_path: Path) -> None:
    assert "25/25" in run(CONVERTER, source, tmp_path / "a").stderr
    assert run(CONVERTER, source, tmp_path / "b", "--quiet").stderr == ""


def test_refusals(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty" / "class").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    out = tmp_path / "out"
    for arguments, reason, code in (
        ((tmp_path / "none", out), "expected an ImageFolder, found no such directory", 1),
        ((tmp_path / "file", out), "expected an ImageFolder, found a file", 1),
        ((tmp_path / "empty", out), "expected images", 1),
        ((tmp_path / "empty" / "class", out), "one sub-folder per class", 1),
        ((source, tmp_path / "file"), "found a file", 1),
        ((source, source / "ant" / "out"), "outside the input", 2),
        ((source, out, "--batch_size", 0), "error: --batch_size: expected 1 to", 2),
        ((source, out, "--images-per-record=0"), "error: --images_per_record: expected 1", 2),
        ((source, out, "--quality", 101), "error: --quality: expected 1 to 100", 2),
        ((source, out, "--ladder", "nonsense"), "expected one of the ladders", 1),
        ((source, out, "--ladder", ""), "expected one of the ladders", 1),
        ((source, out, "--column", "x:int64"), "--column: expected none of a source", 2),
        ((source, out, "--label_column", "x"), "--label_column: expected a source with", 2),
        ((source, out, "--image_column", "x"), "--image_column: expected a source with", 2),
        ((source, out, "--append"), "expected the directory of a PCR dataset, found none", 1),
        (
            (source, out, "--levels", 11),
            "error: --levels: expected 1 to the 10 levels of ladder vision, found 11",
            2,
        ),
        (
            (source, out, "--use_baseline_images", "--levels", 2),
            "error: --use_baseline_images: cannot be combined with --ladder or --levels",
            2,
        ),
        (
            (source, out, "--static_compression", 50, "--convert_images"),
            "error: --convert_images: cannot be combined with --static_compression, because",
            2,
        ),
    ):
        assert reason in fail(PCR, "convert", *arguments, "--quiet", code=code)
        assert not out.exists()
    result = run(CONVERTER, source, out, "--levels", 2)
    assert result.returncode == 2 and "unrecognized arguments: --levels" in result.stderr
    result = run(PCR, "convert", source, out, "--nonsense")
    assert result.stderr.startswith("usage: pcr convert") and "--nonsense" in result.stderr


def test_the_summary_fits_80_columns_and_counts_source_bytes(source: Path, tmp_path: Path) -> None:
    many = make_folder(tmp_path / "many", {f"{'class' * 3}_{number}": 1 for number in range(30)})
    printed = succeed(CONVERTER, many, tmp_path / "out", "--quiet")
    sources = sum(path.stat().st_size for path in many.rglob("*.jpg"))
    assert re.search(rf"sources +{sources:,} bytes", printed)
    assert re.search(r"30 classes: .* and 2[0-9] more", printed)
    assert "share: bytes up to the level / bytes of the sources" in printed
    assert all(len(line) <= 80 for line in printed.splitlines()[1:])


def test_splits_as_classes_are_warned_of(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos" / "train", {"ant": 2}).parent
    make_folder(root / "val", {"ant": 1})
    result = run(CONVERTER, root, tmp_path / "out", "--quiet")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"warning: {root}: its sub-folders train and val look like the splits")
    assert result.returncode == 0 and "2 classes: train, val" in result.stdout
    assert run(CONVERTER, root / "train", tmp_path / "ok", "--quiet").stderr == ""


def test_classes_left_without_an_image_are_named(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"ant": 2, "bee": 1})
    (source / "bee" / "000.jpg").write_bytes(b"")
    printed = succeed(CONVERTER, source, tmp_path / "out", "--quiet", "--on_bad_image", "skip")
    assert "1 class without an image, because all were skipped:\n    bee\n" in printed


def test_a_png_is_named_and_what_reencoding_it_would_do(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"ant": 1})
    jpegs.photo().save(source / "ant" / "a.png")
    line = fail(CONVERTER, source, tmp_path / "out", "--quiet")
    assert line == (
        f"error: {source}/ant/a.png: expected a JPEG, found a PNG image. Convert again, without "
        "--force or --restart, with --on_bad_image skip to leave such files out, or "
        "--on_bad_image reencode to decode them and store them as JPEGs of quality 95"
    )
    printed = succeed(CONVERTER, source, tmp_path / "out", "--quiet", "--on-bad", "reencode")
    assert "0 images skipped, 1 re-encoded" in printed


def test_options_combine_as_in_the_papers_release(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"ant": 4})
    progressive = run(ADVANCED, "--convert_images", source, tmp_path / "a", "--quiet")
    assert progressive.returncode == 0, progressive.stderr
    path = source / "ant" / "000.jpg"
    assert jpeg.header(path.read_bytes()).progressive
    pixels = jpegs.decode(path.read_bytes())
    flags = ("--use_baseline_images", "--convert_images", "--duplicate_dataset_factor", 2)
    succeed(ADVANCED, *flags, source, tmp_path / "b", "--quiet")
    assert not jpeg.header(path.read_bytes()).progressive
    assert np.array_equal(jpegs.decode(path.read_bytes()), pixels)
    dataset = Dataset(tmp_path / "b")
    assert (dataset.levels, len(dataset)) == (1, 8)
    succeed(ADVANCED, "--convert_images", "True", source, tmp_path / "c", "--quiet")
    assert jpeg.header(path.read_bytes()).progressive


def test_quality_is_measured_where_asked_for(source: Path, tmp_path: Path) -> None:
    result = run(CONVERTER, source, tmp_path, "--quiet", "--mssim_estimate_size", 3)
    assert result.returncode == 0 and result.stderr == ""
    assert "MS-SSIM" in result.stdout
    with (tmp_path / layout.QUALITY_FILE).open() as file:
        assert len(list(csv.DictReader(file))) == 10


def test_timings_as_json(source: Path, tmp_path: Path) -> None:
    succeed(PCR, "convert", source, tmp_path, "--quiet", "--mssim_estimate_size", 2)
    timings = json.loads((tmp_path / layout.TIMINGS_FILE).read_text())
    assert timings["images"] == 25
    assert timings["seconds"].keys() == {"scan", "plan", "records", "index", "mssim"}
    assert all(seconds > 0 for seconds in timings["seconds"].values())
