"""Stage 1: bytes and similarity of each level, and what conversions cost in time and on disk."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from results import ROOT, add_rows, known
from settings import Plan

from pcr.atomic import atomic_path
from pcr.dataset.reader import Dataset, holds_dataset
from pcr.errors import UsageError
from pcr.tools.level_profile import profile_levels

CONVERTER = ROOT / "PCR_Converter_advanced.py"
RECORD_IMAGES = "256"


def prepare(plan: Plan) -> None:
    """The held-out images in one folder, the training images with each ladder.

    Raises UsageError for images without two splits, and for a folder that has measurements of
    another setting.
    """
    if not plan.train.is_dir() or not any(plan.other_splits()):
        raise UsageError(
            f"{plan.images}: expected a folder with train/ and one or more others, such as "
            "validation/, each an ImageFolder"
        )
    _keep_apart(plan.out / "setting.txt", plan.setting.name)
    for split in plan.other_splits():
        for image in split.rglob("*.*"):
            link = plan.held_out / image.parent.name / f"{split.name}_{image.name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(image.resolve())
    for ladder in plan.setting.levels:
        make_dataset(plan.train, plan.dataset(ladder), ladder)


def _keep_apart(path: Path, setting: str) -> None:
    found = path.read_text(encoding="utf-8").strip() if path.exists() else setting
    if found != setting:
        raise UsageError(
            f"{path.parent}: expected measurements of --{setting}, found --{found}'s: choose another "
            "folder"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(f"{setting}\n", encoding="utf-8")


def measure(plan: Plan) -> None:
    """Write levels.csv and conversion.csv."""
    path = plan.out / "levels.csv"
    for ladder in plan.setting.levels:
        if ladder not in known(path, "ladder"):
            profile = profile_levels(Dataset(plan.dataset(ladder)), plan.setting.sample)
            add_rows(path, profile.table.to_dict("records"))
    path = plan.out / "conversion.csv"
    for name, seconds, size in _conversions(plan, known(path, "result")):
        source_bytes = _bytes_below(plan.train)
        add_rows(
            path,
            [{"result": name, "seconds": seconds, "bytes": size, "share": size / source_bytes}],
        )


def make_dataset(images: Path, out: Path, ladder: str) -> None:
    """Convert images where that has not been done, or resume it."""
    if not holds_dataset(out):
        convert(images, out, "--ladder", ladder)


def mean_bytes(images: Path, level: int) -> float:
    """Of an image of a PCR dataset up to a level, with what records have besides."""
    dataset = Dataset(images)
    return sum(record.prefix_bytes[level] for record in dataset.records) / len(dataset)


def convert(images: Path, out: Path, *flags: str) -> None:
    """Convert images with some flags of the converter."""
    out.parent.mkdir(parents=True, exist_ok=True)
    words = [str(images), str(out), "--batch_size", RECORD_IMAGES, "--seed", "0", "--quiet"]
    subprocess.run(
        [sys.executable, CONVERTER, *words, *flags], check=True, stdout=subprocess.DEVNULL
    )


def reencode(source: Path, out: Path, quality: int, grain: float = 0) -> None:
    """Copies of images, as ImageFolder, at a JPEG quality; nothing where that has been done.

    grain: standard deviation of noise that is added, the same to all colours of a pixel, 0 … 255.
    """
    if out.exists():
        return
    unfinished = out.with_name(out.name + ".unfinished")
    paths = sorted(p for p in source.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    for number, path in enumerate(paths):
        copy = unfinished / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(encoded(path, quality, grain, number))
    unfinished.rename(out)


def encoded(path: Path, quality: int, grain: float = 0, seed: int = 0) -> bytes:
    """An image as a JPEG of that quality, with Huffman tables of its own as records have them."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    if grain:
        noise = np.random.default_rng(seed).normal(0, grain, (picture.height, picture.width, 1))
        picture = Image.fromarray((picture + noise).round().clip(0, 255).astype(np.uint8))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, optimize=True)
    return stream.getvalue()


def _conversions(plan: Plan, done: set[object]) -> Iterator[tuple[str, float, int]]:
    """Each result that is not known yet: seconds, and bytes on disk."""
    out = plan.out / "conversion"
    ways = {
        f"PCR {name}": lambda name=name: convert(plan.train, out, "--ladder", name)
        for name in plan.setting.levels
    }
    ways["TFRecord"] = lambda: convert(plan.train, out, "--tf_records", "--use_baseline_images")
    for quality in plan.setting.static_qualities:
        ways[f"copy at quality {quality}"] = lambda q=quality: reencode(plan.train, out, q)
    for name, make in ways.items():
        if name in done:
            continue
        shutil.rmtree(out, ignore_errors=True)
        begun = time.perf_counter()
        make()
        yield name, time.perf_counter() - begun, _bytes_below(out)
    shutil.rmtree(out, ignore_errors=True)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
