"""Export: the folder comes back, and nothing is written outside of it."""

from __future__ import annotations

import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.conversions import (
    CONVERTER,
    PCR,
    fail,
    make_folder,
    run_process,
    succeed,
)
from helpers.datasets import rewrite

from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.imagefolder import ImageFolder
from pcr.tools.image_export import export


def test_export_gives_the_folder_back(photos: Path, converted: Path, tmp_path: Path) -> None:
    succeed(PCR, "export", converted, tmp_path / "full", "--quiet")
    assert ImageFolder.scan(tmp_path / "full").samples == ImageFolder.scan(photos).samples
    for path in photos.rglob("*.jp*"):
        exported = tmp_path / "full" / path.relative_to(photos)
        assert np.array_equal(jpegs.decode(exported.read_bytes()), jpegs.decode(path.read_bytes()))
    succeed(PCR, "export", converted, tmp_path / "low", "--n_scans", 2, "--quiet")
    for path in (tmp_path / "low").rglob("*.jp*"):
        data, full = path.read_bytes(), tmp_path / "full" / path.relative_to(tmp_path / "low")
        assert data.endswith(b"\xff\xd9") and full.read_bytes().startswith(data[:-2])
        assert jpegs.decode(data).shape == jpegs.decode(full.read_bytes()).shape
    assert "between 1 and 10" in fail(
        PCR, "export", converted, tmp_path / "new", "--n_scans", 11, code=2
    )


def test_export_to_a_url_is_refused(converted: Path) -> None:
    with pytest.raises(UsageError, match="out: expected a path on this machine, found s3://b/x"):
        export(converted, "s3://b/x")


def test_export_turns_images_upright(photos: Path, converted: Path, tmp_path: Path) -> None:
    succeed(PCR, "export", converted, tmp_path / "out", "--apply_orientation", "--quiet")
    original = jpegs.decode((photos / "dog" / "turned.jpeg").read_bytes())
    found = jpegs.decode((tmp_path / "out" / "dog" / "turned.jpeg").read_bytes())
    assert np.abs(np.rot90(original, -1).astype(int) - found).mean() < 3


def test_export_replaces_only_what_it_is_told_to(converted: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    assert "--force" in fail(PCR, "export", converted, tmp_path, "--quiet")
    succeed(PCR, "export", converted, tmp_path, "--quiet", "--force")
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert "found a file" in fail(PCR, "export", converted, tmp_path / "mine.txt", "--quiet")


@pytest.mark.parametrize(
    "name", ["../x.jpg", "/tmp/x.jpg", "cat/../../x.jpg", "cat/x\0.jpg", "cat//x.jpg", ""]
)
def test_export_refuses_names_that_lead_out(dataset: Path, tmp_path: Path, name: str) -> None:
    first, *others = Dataset(dataset).records[1].info().images
    rewrite(dataset, 1, images=(replace(first, name=name), *others))
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected an image name"):
        export(dataset, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", ["outside", "out/dog"])
def test_export_follows_no_links(converted: Path, tmp_path: Path, target: str) -> None:
    linked, out = tmp_path / target, tmp_path / "out"
    linked.mkdir(parents=True)
    out.mkdir(exist_ok=True)
    (out / "cat").symlink_to(linked)
    with pytest.raises(
        DatasetError, match=rf"out/cat: expected a folder, found a link to {linked}"
    ):
        export(converted, out, force=True, progress=False)
    assert list(linked.iterdir()) == []
    assert {path.name for path in out.iterdir()} <= {"cat", "dog"}


def test_export_makes_no_folder_through_a_link(dataset: Path, tmp_path: Path) -> None:
    info = Dataset(dataset).records[1].info()
    first, *others = info.images
    class_name = Dataset(dataset).classes[info.labels[0]]
    rewrite(dataset, 1, images=(replace(first, name="deep/in/x.jpg"), *others))
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    (out / class_name).mkdir(parents=True)
    (out / class_name / "deep").symlink_to(outside)
    with pytest.raises(DatasetError, match=r"/deep/in: expected a folder, found a link"):
        export(dataset, out, force=True, progress=False)
    assert list(outside.iterdir()) == []


def test_export_names_what_it_cannot_write(converted: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))

    result = run_process(PCR, "export", converted, tmp_path / "out", "--quiet", preexec_fn=limit)
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert re.fullmatch(rf"error: {tmp_path}/out/\S+/\S+\.jpg: File too large", line), line
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_export_of_what_was_not_a_jpeg(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "source", {"cat": 2}), tmp_path / "out"
    jpegs.photo().save(source / "cat" / "real.png")
    succeed(CONVERTER, source, tmp_path / "pcr", "--quiet", "--on_bad_image", "reencode")
    printed = succeed(PCR, "export", tmp_path / "pcr", out, "--quiet")
    assert printed.splitlines() == [
        f"{out}: 3 images, 1 of them under another name:",
        "  cat/real.png is cat/real.png.jpg",
    ]
    assert (out / "cat" / "real.png.jpg").read_bytes().startswith(b"\xff\xd8")


def test_export_loses_no_image_to_another_ones_name(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "source", {"cat": 1}), tmp_path / "out"
    jpegs.photo(50, 40).save(source / "cat" / "x.png")
    (source / "cat" / "x.png.jpg").write_bytes(jpegs.encode(jpegs.photo(60, 40)))
    succeed(CONVERTER, source, tmp_path / "pcr", "--quiet", "--on_bad_image", "reencode")
    summary = export(tmp_path / "pcr", out, progress=False)
    assert summary.images == 3 and summary.renamed == {"cat/x.png": "cat/x.png.2.jpg"}
    widths = {p.name: jpegs.decode(p.read_bytes()).shape[1] for p in (out / "cat").iterdir()}
    assert widths == {"000.jpg": 40, "x.png.jpg": 60, "x.png.2.jpg": 50}


def test_export_prints_names_that_a_terminal_may_see(dataset: Path, tmp_path: Path) -> None:
    infos = Dataset(dataset).records[1].info().images
    images = tuple(replace(info, name=f"cat/\x1b[31m{i}.png") for i, info in enumerate(infos))
    rewrite(dataset, 1, images=images)
    lines = succeed(PCR, "export", dataset, tmp_path / "out", "--quiet").splitlines()
    assert lines[1] == r"  cat/\x1b[31m0.png is cat/\x1b[31m0.png.jpg"
