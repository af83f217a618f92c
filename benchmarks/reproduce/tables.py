"""Tables of a reproduction, from its CSVs alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t
from settings import CLASSES, FULL_LEVEL, IMAGES

CONFIDENCE = 0.95


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Final top-1 of each fidelity, and how it differs from the same ladder's full fidelity.

    Runs are paired by seed, and by held-out image. The interval adds up the variance of the mean
    difference over images and over seeds; with one seed it knows the images' alone. Images and
    re-encoded ones are compared with the last level of `standard`.
    """
    rows = []
    for (arch, size, data, fidelity, way), group in runs.groupby(
        ["arch", "image_size", "data", "fidelity", "way"], sort=False
    ):
        task = way if way.endswith(CLASSES) else ""
        same = runs[(runs["arch"] == arch) & (runs["image_size"] == size) & (runs["way"] == task)]
        ladder = "standard" if data == IMAGES or data.startswith("quality") else data
        full = same[(same["data"] == ladder) & (same["fidelity"] == str(FULL_LEVEL))]
        paired = group.merge(full, on="seed", suffixes=("", "_full"))
        mean, interval = _interval(paired)
        rows.append(
            {
                "network": f"{arch}, {size} px",
                "data": data,
                "levels": f"{fidelity} {way}".strip(),
                "seeds": len(group),
                "MB per epoch": round((group["MB"] / group["epochs"]).mean(), 2),
                "bytes": round((paired["MB"] / paired["MB_full"]).mean(), 3),
                "top-1 %": round(group["top_1"].mean(), 2),
                "from full fidelity": round(mean, 2),
                "±": round(interval, 2),
            }
        )
    return pd.DataFrame(rows)


def _interval(paired: pd.DataFrame) -> tuple[float, float]:
    """The mean difference in points, and half of its confidence interval."""
    if paired.empty:
        return float("nan"), float("nan")
    own, full = (
        np.array([[int(c) for c in text] for text in paired[name]])
        for name in ("correct", "correct_full")
    )
    change = 100.0 * (own - full)
    seeds, images = change.shape
    half = t.ppf((1 + CONFIDENCE) / 2, images - 1) * change.mean(axis=0).std(ddof=1) / images**0.5
    if seeds > 1:
        over_seeds = change.mean(axis=1).std(ddof=1) / seeds**0.5
        half = np.hypot(half, t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * over_seeds)
    return change.mean(), half


def read(path: Path) -> pd.DataFrame | None:
    """A table of measurements; None where its stage has not run."""
    text = {"correct": str, "fidelity": str, "data": str}
    return pd.read_csv(path, dtype=text, keep_default_na=False) if path.exists() else None


def to_markdown(table: pd.DataFrame) -> str:
    """A table as in the docs."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(map(_shown, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    return "–" if value == "" or (isinstance(value, float) and np.isnan(value)) else f"{value}"


def write_tables(out: Path) -> str:
    """Write tables.md, one section per stage that has run; its text."""
    sections = []
    for name, shorten in SECTIONS.items():
        table = read(out / name)
        if table is not None:
            source = ", ".join(sorted(set(table["date"]))), ", ".join(sorted(set(table["commit"])))
            head = f"## {name}\n\nMeasured on {source[0]}, commit {source[1]}, on {table['machine'].iloc[-1]}."
            sections.append(f"{head}\n\n{to_markdown(shorten(table))}")
    text = "\n".join(sections)
    (out / "tables.md").write_text(text, encoding="utf-8")
    return text


SECTIONS = {
    "levels.csv": lambda table: table[
        ["ladder", "level", "mean_bytes", "share", "ms_ssim_mean", "ms_ssim_p10"]
    ].round({"mean_bytes": 0, "share": 3, "ms_ssim_mean": 4, "ms_ssim_p10": 4}),
    "conversion.csv": lambda table: table[["result", "seconds", "bytes", "share"]].round(
        {"seconds": 1, "share": 3}
    ),
    "rates.csv": lambda table: table[
        ["ladder", "level", "reader", "mean_bytes", "images_per_second"]
    ].round({"mean_bytes": 0, "images_per_second": 0}),
    "runs.csv": differences,
}
