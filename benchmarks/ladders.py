#!/usr/bin/env python3
"""Bytes, MS-SSIM and decode rate of each level of ladders, measured on a folder of JPEGs.

Bytes are relative to those of the source files, decode rates to those of the same images as
baseline JPEGs: to RGB, one thread, in CPU time, the best of some tries, with the loader's decoder
and with Pillow. With networks, also how their predictions of the images, as Pillow decodes them,
diverge from those at full fidelity. Writes ladders.csv, ladders.md and ladders.png.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import machine
import numpy as np
import pandas as pd
from networks import decode, load_network, predict
from PIL import features

from pcr import jpeg
from pcr.errors import PCRError
from pcr.ladder import Ladder
from pcr.progress import progress_bar
from pcr.tools.level_profile import kl_divergence, measure_levels
from pcr.tools.pictures import plot_levels
from pcr.tools.samples import LevelImage
from pcr.train.classifier import Classifier

BUDGETS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)  # shares of the bytes


def load(folder: Path, sample: int) -> dict[Path, bytes]:
    """``sample`` JPEGs evenly spread over the sorted files below ``folder``."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise PCRError(f"{folder}: expected JPEGs (.jpg, .jpeg), found none")
    step = max(1.0, len(paths) / sample)
    drawn = (paths[int(i * step)] for i in range(min(sample, len(paths))))
    return {path: path.read_bytes() for path in drawn}


def levels_of(data: bytes, ladder: Ladder) -> list[bytes]:
    """A JPEG rewritten to the ladder, as the complete JPEGs of level 1, 2, …"""
    whole = jpeg.transcode(data, ladder.scripts)
    offsets = ladder.level_offsets(jpeg.header(data).components, jpeg.split(whole))
    return [whole[:end].tobytes() + jpeg.EOI for end in offsets[1:]]


def measure(
    ladder: Ladder,
    sources: Mapping[Path, bytes],
    tries: int,
    networks: Mapping[str, Classifier] | None = None,
) -> pd.DataFrame:
    """One row per level, as in a ``LevelProfile``, with the ladder's name first.

    For each of the networks, by name, two more columns: kl_<name>, the mean divergence of its
    predictions from those at the last level, and kl_<name>_error, the mean's standard error.
    """
    images = [
        LevelImage(str(path), levels_of(data, ladder), len(data)) for path, data in sources.items()
    ]
    bar = progress_bar(images, total=len(sources), desc=ladder.name, unit=" images")
    table = measure_levels(bar, tries=tries).table
    table.insert(0, "ladder", ladder.name)
    levels = zip(*(image.jpegs for image in images), strict=True) if networks else ()
    pictures = [decode(level) for level in levels]
    for name, network in (networks or {}).items():
        *below, full = (predict(network, level) for level in pictures)
        divergences = [kl_divergence(full, level) for level in (*below, full)]
        table[f"kl_{name}"] = [d.mean() for d in divergences]
        table[f"kl_{name}_error"] = [d.std() / math.sqrt(len(images)) for d in divergences]
    return table


def to_markdown(table: pd.DataFrame) -> str:
    """One Markdown table, numbers as one reads them."""
    networks = _networks_of(table)
    head = ["ladder", "level", "mean bytes", "bytes", *(f"KL {name}" for name in networks)]
    head += ["MS-SSIM", "p10", "min", "loader", "Pillow"]
    lines = [_row(head), _row(["---"] * len(head))]
    for row in table.to_dict("records"):
        kls = [f"{row[f'kl_{n}']:.3f} ± {row[f'kl_{n}_error']:.3f}" for n in networks]
        quality = [f"{row[f'ms_ssim_{which}']:.4f}" for which in ("mean", "p10", "min")]
        rates = [f"{row[f'{decoder}_rate']:.2f}" for decoder in ("loader", "pillow")]
        level = [
            row["ladder"],
            str(row["level"]),
            f"{row['mean_bytes']:.0f}",
            f"{row['share']:.3f}",
        ]
        lines.append(_row([*level, *kls, *quality, *rates]))
    return "\n".join(lines) + "\n"


def to_budget_markdown(table: pd.DataFrame) -> str:
    """Each network's divergence at BUDGETS, interpolated linearly between the levels of a ladder."""
    networks = _networks_of(table)
    lines = [
        _row(["network", "ladder", *(f"{budget:.2f}" for budget in BUDGETS)]),
        _row(["---"] * (2 + len(BUDGETS))),
    ]
    for network in networks:
        for ladder, levels in table.groupby("ladder", sort=False):
            found = np.interp(BUDGETS, levels["share"], levels[f"kl_{network}"])
            lines.append(_row([network, str(ladder), *(f"{value:.4f}" for value in found)]))
    return "\n".join(lines) + "\n" if networks else ""


def _networks_of(table: pd.DataFrame) -> list[str]:
    return [name[3:-6] for name in table if name.startswith("kl_") and name.endswith("_error")]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of JPEGs, searched with its sub-folders")
    parser.add_argument("--ladders", nargs="+", default=["standard", "luma"], metavar="FILE|NAME")
    parser.add_argument("--models", nargs="+", default=[], metavar="NAME|CHECKPOINT")
    parser.add_argument("--sample", type=int, default=100, help="images to measure (default 100)")
    parser.add_argument("--tries", type=int, default=3, help="of each decoding (default 3)")
    parser.add_argument("--out", type=Path, default=Path(), help="where to write (default: here)")
    args = parser.parse_args()
    if args.sample < 1 or args.tries < 1:
        parser.error("--sample and --tries: expected at least 1")
    try:
        ladders = [Ladder.load(name) for name in args.ladders]
        sources = load(args.images, args.sample)
        networks = {Path(name).stem: load_network(name) for name in args.models}
        table = pd.concat([measure(ladder, sources, args.tries, networks) for ladder in ladders])
        args.out.mkdir(parents=True, exist_ok=True)
    except (PCRError, OSError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    head = machine.describe("Pillow", "numpy")
    head += f", libjpeg-turbo {features.version('libjpeg_turbo')} (Pillow's)"
    mean_bytes = sum(map(len, sources.values())) / len(sources)
    text = f"{head}; {len(sources)} images of {mean_bytes:.0f} bytes on average\n\n"
    text += f"{to_markdown(table)}\n{to_budget_markdown(table)}"
    (args.out / "ladders.md").write_text(text, encoding="utf-8")
    table.to_csv(args.out / "ladders.csv", index=False)
    plot_levels(table, args.out / "ladders.png")
    print(text)


if __name__ == "__main__":
    main()
