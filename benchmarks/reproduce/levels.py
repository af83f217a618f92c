"""Stage 1: bytes and similarity of each level, and what conversions cost in time and on disk."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from results import ROOT, add_rows, known
from settings import Plan

from pcr.dataset.reader import Dataset, holds_dataset
from pcr.tools.level_profile import profile_levels

CONVERTER = ROOT / "PCR_Converter_advanced.py"
RECORD_IMAGES = "256"


def prepare(plan: Plan) -> None:
    """The held-out images in one folder, the training images with each ladder."""
    for split in plan.other_splits():
        for image in split.rglob("*.*"):
            link = plan.held_out / image.parent.name / f"{split.name}_{image.name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(image.resolve())
    for ladder in plan.setting.ladders:
        if not holds_dataset(plan.dataset(ladder)):
            convert(plan, plan.dataset(ladder), "--ladder", ladder)


def measure(plan: Plan) -> None:
    """Write levels.csv and conversion.csv."""
    path = plan.out / "levels.csv"
    for ladder in plan.setting.ladders:
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


def convert(plan: Plan, out: Path, *flags: str) -> None:
    """Convert the training images."""
    out.parent.mkdir(parents=True, exist_ok=True)
    words = [str(plan.train), str(out), "--batch_size", RECORD_IMAGES, "--seed", "0", "--quiet"]
    subprocess.run(
        [sys.executable, CONVERTER, *words, *flags], check=True, stdout=subprocess.DEVNULL
    )


def reencode(source: Path, out: Path, quality: int) -> None:
    """Static copies of images, as ImageFolder, at a JPEG quality."""
    for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg")):
        copy = out / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(encoded(path, quality))


def encoded(path: Path, quality: int) -> bytes:
    """An image as a JPEG of that quality, with Huffman tables of its own as records have them."""
    stream = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(stream, "JPEG", quality=quality, optimize=True)
    return stream.getvalue()


def _conversions(plan: Plan, done: set[object]) -> Iterator[tuple[str, float, int]]:
    """Each result that is not known yet: seconds, and bytes on disk."""
    out = plan.out / "conversion"
    ways = {
        f"PCR {name}": lambda name=name: convert(plan, out, "--ladder", name)
        for name in plan.setting.ladders
    }
    ways["TFRecord"] = lambda: convert(plan, out, "--tf_records", "--use_baseline_images")
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
