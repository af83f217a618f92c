"""Figures of a reproduction, from its CSVs alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from scipy.stats import linregress, t
from settings import BANDWIDTH_MB_PER_S
from tables import CONFIDENCE, read


def draw_all(out: Path) -> None:
    """Draw each figure whose stages have run."""
    sns.set_theme(style="whitegrid")
    levels, rates, runs, epochs = (
        read(out / f"{name}.csv") for name in ("levels", "rates", "runs", "epochs")
    )
    if rates is not None:
        draw_rates(rates, out / "rates.png")
    if runs is not None and epochs is not None:
        draw_progress(runs, epochs, out / "accuracy.png")
        if levels is not None:
            draw_similarity(runs, levels, out / "similarity.png")


def draw_rates(rates: pd.DataFrame, path: Path) -> None:
    """Images per second over mean bytes, and the model: the limit divided by the bytes."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    sns.scatterplot(
        rates, x="mean_bytes", y="images_per_second", hue="ladder", style="reader", ax=axes
    )
    size = np.linspace(rates["mean_bytes"].min(), rates["mean_bytes"].max(), 100)
    limit = f"{BANDWIDTH_MB_PER_S} MB/s / bytes"
    axes.plot(size, 1e6 * BANDWIDTH_MB_PER_S / size, color="gray", linewidth=1, label=limit)
    axes.set(xscale="log", yscale="log", xlabel="bytes per image", ylabel="images/s")
    axes.legend()
    figure.savefig(path, dpi=150)


def draw_progress(runs: pd.DataFrame, epochs: pd.DataFrame, path: Path) -> None:
    """Accuracy over epochs, over bytes, and over the time that a limited network would take."""
    measured = epochs.assign(test_top_1=pd.to_numeric(epochs["test_top_1"])).dropna()
    joined = measured.merge(runs[["run", "arch", "data", "fidelity", "way"]], on="run")
    joined["label"] = (joined["data"] + " " + joined["fidelity"] + " " + joined["way"]).str.strip()
    joined["seconds"] = np.maximum(joined["train_seconds"], joined["total_MB"] / BANDWIDTH_MB_PER_S)
    for x in ("total_MB", "seconds"):  # seeds stand at their mean
        joined[x] = joined.groupby(["arch", "label", "epoch"])[x].transform("mean")
    titles = {
        "epoch": "epochs",
        "total_MB": "MB read",
        "seconds": f"seconds: of training, or of reading at {BANDWIDTH_MB_PER_S} MB/s if longer",
    }
    archs = list(joined["arch"].unique())
    figure = Figure(figsize=(15, 4.5 * len(archs)), layout="constrained")
    for arch, row in zip(archs, figure.subplots(len(archs), 3, squeeze=False), strict=True):
        for (x, title), axes in zip(titles.items(), row, strict=True):
            own = joined[joined["arch"] == arch]
            sns.lineplot(own, x=x, y="test_top_1", hue="label", errorbar="sd", marker="o", ax=axes)
            axes.set(xlabel=title, ylabel="top-1 %", title=arch)
    figure.savefig(path, dpi=150)


def draw_similarity(runs: pd.DataFrame, levels: pd.DataFrame, path: Path) -> None:
    """Final accuracy over MS-SSIM, a line through it and the interval of its slope."""
    same_task = runs[runs["way"] == ""]
    joined = same_task.assign(level=pd.to_numeric(same_task["fidelity"], errors="coerce")).merge(
        levels, left_on=["data", "level"], right_on=["ladder", "level"]
    )
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    sns.regplot(joined, x="ms_ssim_mean", y="top_1", ax=axes, scatter=False, color="gray")
    sns.scatterplot(joined, x="ms_ssim_mean", y="top_1", hue="data", style="arch", ax=axes)
    axes.set(xlabel="MS-SSIM", ylabel="top-1 %", title=fit(joined["ms_ssim_mean"], joined["top_1"]))
    figure.savefig(path, dpi=150)


def fit(x: pd.Series, y: pd.Series) -> str:
    """Slope of a line through points, with its interval, in words."""
    if x.nunique() < 3:
        return "too few levels for a fit"
    line = linregress(x, y)
    half = t.ppf((1 + CONFIDENCE) / 2, len(x) - 2) * line.stderr
    return f"slope {line.slope:.1f} ± {half:.1f} points, r = {line.rvalue:.2f}"
