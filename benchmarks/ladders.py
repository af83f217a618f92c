#!/usr/bin/env python3
"""Bytes, MS-SSIM and decode rate of each level of ladders, measured on a folder of JPEGs.

Bytes and decode rate are relative to the originals (the sequential rewrite of one that is progressive);
decoding is Pillow's to RGB, one thread, in CPU time, the best of some tries. Writes ladders.csv,
ladders.md and ladders.png.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import machine
import pandas as pd
from PIL import features

from pcr import jpeg
from pcr.errors import PCRError
from pcr.ladder import Ladder
from pcr.progress import progress_bar
from pcr.tools.level_profile import to_baseline
from pcr.tools.pictures import plot_levels
from pcr.tools.quality import measure_levels


def load(folder: Path, sample: int) -> list[bytes]:
    """``sample`` JPEGs evenly spread over the sorted files below ``folder``, as baseline JPEGs."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise PCRError(f"{folder}: expected JPEGs (.jpg, .jpeg), found none")
    step = max(1.0, len(paths) / sample)
    drawn = (paths[int(i * step)] for i in range(min(sample, len(paths))))
    return [to_baseline(path.read_bytes()) for path in drawn]


def levels_of(data: bytes, ladder: Ladder) -> list[bytes]:
    """A JPEG rewritten to the ladder, as the complete JPEGs of level 1, 2, …"""
    whole = jpeg.transcode(data, ladder.scripts)
    offsets = ladder.level_offsets(jpeg.header(data).components, jpeg.split(whole))
    return [whole[:end].tobytes() + jpeg.EOI for end in offsets[1:]]


def measure(ladder: Ladder, originals: Sequence[bytes], tries: int) -> pd.DataFrame:
    """One row per level, as ``pcr.tools.quality.measure_levels`` has it, with the ladder's name first."""
    images = ((data, levels_of(data, ladder)) for data in originals)
    bar = progress_bar(images, total=len(originals), desc=ladder.name, unit=" images")
    table = measure_levels(bar, tries=tries)
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
        originals = load(args.images, args.sample)
        table = pd.concat([measure(ladder, originals, args.tries) for ladder in ladders])
        args.out.mkdir(parents=True, exist_ok=True)
    except (PCRError, OSError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    head = machine.describe("Pillow", "numpy")
    head += f", libjpeg-turbo {features.version('libjpeg_turbo')} (Pillow's)"
    mean_bytes = sum(len(original) for original in originals) / len(originals)
    text = f"{head}; {len(originals)} images of {mean_bytes:.0f} bytes on average\n\n{to_markdown(table)}"
    (args.out / "ladders.md").write_text(text, encoding="utf-8")
    table.to_csv(args.out / "ladders.csv", index=False)
    plot_levels(table, args.out / "ladders.png")
    print(text)


if __name__ == "__main__":
    main()
