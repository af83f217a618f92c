#!/usr/bin/env python3
"""Bytes, MS-SSIM and decode rate of each level of ladders, measured on a folder of JPEGs.

Bytes and decode rate are relative to the originals (the sequential rewrite of one that is progressive);
decoding is Pillow's to RGB, one thread, in CPU time, the best of some tries. Writes ladders.csv,
ladders.md and ladders.png.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import machine
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from PIL import Image
from tqdm import tqdm

from pcr import jpeg
from pcr.errors import PCRError
from pcr.ladder import Ladder
from pcr.quality import level_quality, summarize

plt.switch_backend("Agg")

SEQUENTIAL = Ladder.parse("sequential", "")
EOI = b"\xff\xd9"


@dataclass(frozen=True)
class Original:
    """One baseline JPEG, and the CPU seconds that its decoding takes."""

    jpeg: bytes
    decode_seconds: float


def load(folder: Path, sample: int, tries: int) -> list[Original]:
    """``sample`` JPEGs evenly spread over the sorted files below ``folder``."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise PCRError(f"{folder}: expected JPEGs (.jpg, .jpeg), found none")
    step = max(1.0, len(paths) / sample)
    originals = []
    for path in (paths[int(i * step)] for i in range(min(sample, len(paths)))):
        data = path.read_bytes()
        if jpeg.header(data).progressive:
            data = jpeg.transcode(data, SEQUENTIAL.scripts).tobytes()
        originals.append(Original(data, decode_seconds(data, tries)))
    return originals


def decode_seconds(data: bytes, tries: int) -> float:
    """The least CPU seconds of decoding an image to RGB with Pillow."""
    best = float("inf")
    for _ in range(tries):
        begin = time.process_time()
        with Image.open(io.BytesIO(data)) as image:
            image.convert("RGB")
        best = min(best, time.process_time() - begin)
    return best


def levels_of(data: bytes, ladder: Ladder) -> list[bytes]:
    """A JPEG rewritten to the ladder, as the complete JPEGs of level 1, 2, …"""
    whole = jpeg.transcode(data, ladder.scripts)
    offsets = ladder.level_offsets(jpeg.header(data).components, jpeg.split(whole))
    return [whole[:end].tobytes() + EOI for end in offsets[1:]]


def measure(ladder: Ladder, originals: Sequence[Original], tries: int) -> pd.DataFrame:
    """One row per level: ``pcr.quality.summarize``'s, relative to the originals, and the rate."""
    level_bytes, ms_ssim, seconds = [], [], []
    for original in tqdm(originals, desc=ladder.name, unit=" images", disable=None):
        jpegs = levels_of(original.jpeg, ladder)
        level_bytes.append([len(data) for data in jpegs])
        ms_ssim.append(level_quality(jpegs))
        seconds.append([decode_seconds(data, tries) if tries else 0.0 for data in jpegs])
    table = summarize(level_bytes, ms_ssim)
    table["relative_bytes"] = (
        table["mean_bytes"] * len(originals) / sum(len(o.jpeg) for o in originals)
    )
    if tries:
        baseline_seconds = sum(original.decode_seconds for original in originals)
        table["decode_rate"] = baseline_seconds / pd.DataFrame(seconds).sum()
    table.insert(0, "ladder", ladder.name)
    return table


def to_markdown(table: pd.DataFrame) -> str:
    """One Markdown table, numbers as one reads them."""
    lines = ["| ladder | level | mean bytes | bytes | MS-SSIM | p10 | min | decode rate |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    lines += [
        f"| {row.ladder} | {row.level} | {row.mean_bytes:.0f} | {row.relative_bytes:.3f} | "
        f"{row.ms_ssim_mean:.4f} | {row.ms_ssim_p10:.4f} | {row.ms_ssim_min:.4f} | "
        f"{row.decode_rate:.2f} |"
        for row in table.itertuples()
    ]
    return "\n".join(lines) + "\n"


def plot(table: pd.DataFrame, path: Path) -> None:
    """Two panels over bytes: how far from equal the images look, and how fast they decode."""
    sns.set_theme(style="whitegrid")
    figure, panels = plt.subplots(1, 2, figsize=(13, 5))
    below = table[table["ms_ssim_mean"] < 1].assign(loss=lambda rows: 1 - rows["ms_ssim_mean"])
    shared = {
        "x": "relative_bytes",
        "hue": "ladder",
        "style": "ladder",
        "markers": True,
        "dashes": False,
    }
    sns.lineplot(below, y="loss", ax=panels[0], **shared)
    sns.lineplot(table, y="decode_rate", ax=panels[1], **shared)
    panels[0].set(xlabel="bytes / original bytes", ylabel="1 - MS-SSIM", yscale="log")
    panels[1].set(xlabel="bytes / original bytes", ylabel="decode rate / original's")
    for panel, rows, column in ((panels[0], below, "loss"), (panels[1], table, "decode_rate")):
        for row in rows.itertuples():
            place = (row.relative_bytes, getattr(row, column))
            panel.annotate(str(row.level), place, xytext=(4, 4), textcoords="offset points", size=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of JPEGs, searched with its sub-folders")
    parser.add_argument("--ladders", nargs="+", default=["standard", "luma"], metavar="FILE|NAME")
    parser.add_argument("--sample", type=int, default=100, help="images to measure (default 100)")
    parser.add_argument("--tries", type=int, default=3, help="of each decoding (default 3)")
    parser.add_argument("--out", type=Path, default=Path(), help="where to write (default: here)")
    args = parser.parse_args()
    if args.sample < 1 or args.tries < 1:
        parser.error("--sample and --tries: expected at least 1")
    try:
        ladders = [Ladder.load(name) for name in args.ladders]
        originals = load(args.images, args.sample, args.tries)
        table = pd.concat([measure(ladder, originals, args.tries) for ladder in ladders])
        args.out.mkdir(parents=True, exist_ok=True)
    except (PCRError, OSError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    head = machine.describe("Pillow", "numpy")
    mean_bytes = sum(len(original.jpeg) for original in originals) / len(originals)
    text = f"{head}; {len(originals)} images of {mean_bytes:.0f} bytes on average\n\n{to_markdown(table)}"
    (args.out / "ladders.md").write_text(text, encoding="utf-8")
    table.to_csv(args.out / "ladders.csv", index=False)
    plot(table, args.out / "ladders.png")
    print(text)


if __name__ == "__main__":
    main()
