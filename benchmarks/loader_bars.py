#!/usr/bin/env python3
"""Draws what benchmarks/loaders.py measured as bars: images/s of our loader and of the others.

python3 benchmarks/loader_bars.py CSV PICTURE [--ladders standard vision] [--levels 1,2,3,5,10]

The CSV is the one that loaders.py writes, or a table of its medians: columns `loader`,
`images_per_second` and `read_MB`. Loaders of whole images come first, the fastest at the top; below
them are our lower levels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from peers import find_peer

KINDS = {
    "other loaders": "#a6a6a6",
    "PCR, all scans: the whole image": "#0173b2",
    "PCR, fewer scans: lower fidelity": "#7fbfe6",
}


def main() -> None:
    """Read, select, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--ladders", nargs="+", default=["standard", "vision"])
    parser.add_argument("--levels", default="1,2,3,5,10", help="of each ladder")
    arguments = parser.parse_args()
    medians = pd.read_csv(arguments.csv).groupby("loader").median(numeric_only=True)
    chosen = {
        f"pcr:{ladder}:{n}" for ladder in arguments.ladders for n in arguments.levels.split(",")
    }
    shown = [name in chosen or not name.startswith("pcr:") for name in medians.index]
    draw(medians[shown], arguments.picture)


def draw(medians: pd.DataFrame, path: Path) -> None:
    """Write the picture of a table with a row per loader."""
    sns.set_theme(style="white", rc={"svg.fonttype": "none", "pdf.fonttype": 42})
    bars = medians.assign(kind=[kind(str(name)) for name in medians.index])
    bars["lower"] = bars["kind"] == list(KINDS)[2]
    bars = bars.sort_values(["lower", "images_per_second"], ascending=[True, False])
    bars["title"] = [f"{title(str(name))}, {mb:.0f} MB" for name, mb in bars["read_MB"].items()]
    figure = Figure(figsize=(9, 1.2 + 0.31 * len(bars)), layout="constrained")
    axes = figure.subplots()
    sns.barplot(
        bars,
        y="title",
        x="images_per_second",
        hue="kind",
        palette=KINDS,
        hue_order=[*KINDS],
        ax=axes,
    )
    for container in axes.containers:
        axes.bar_label(container, fmt="%.0f", padding=4, fontsize=10)
    axes.set(
        xlabel="images/s (and MB read per epoch)",
        ylabel="",
        xlim=(0, 1.1 * bars["images_per_second"].max()),
    )
    axes.legend(loc="upper right", frameon=False)
    sns.despine(figure, left=True)
    figure.savefig(path, dpi=200)


def title(name: str) -> str:
    """A loader's name, and what is special about it."""
    peer = find_peer(name)
    return peer.title + (f" ({peer.note})" if peer.note else "")


def kind(name: str) -> str:
    """Whose loader it is, and whether it reads all scans."""
    others, whole, lower = KINDS
    if not name.startswith("pcr:"):
        return others
    return whole if name.endswith(":10") else lower


if __name__ == "__main__":
    main()
