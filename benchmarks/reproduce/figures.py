"""Figures of a reproduction, from its CSVs alone."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from intervals import mean_slope
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from settings import BANDWIDTH_MB_PER_S, LIMITED
from tables import read, with_full

FEWEST_LEVELS = 3  # that a line is drawn through
HUES = ("Purples", "Blues", "Greens", "Oranges", "Reds")  # of the kinds of data
Color = tuple[float, float, float]


def draw_all(out: Path) -> None:
    """Draw each figure whose stages have run."""
    sns.set_theme(style="whitegrid")
    rates, runs, epochs, levels, divergence = (
        read(out / f"{name}.csv") for name in ("rates", "runs", "epochs", "levels", "divergence")
    )
    if rates is not None:
        draw_rates(rates, out / "rates.png")
    if runs is not None and epochs is not None:
        draw_progress(runs, epochs, out / "accuracy.png")
    if runs is not None and levels is not None:
        draw_similarity(runs, levels, divergence, out / "similarity.png")


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
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.legend()
    figure.savefig(path, dpi=150)


def draw_progress(runs: pd.DataFrame, epochs: pd.DataFrame, path: Path) -> None:
    """Accuracy over epochs and bytes of runs on local files, over time of those on a limited network."""
    measured = epochs.assign(test_top_1=pd.to_numeric(epochs["test_top_1"])).dropna()
    joined = measured.merge(runs[["run", "stage", "arch", "data", "fidelity"]], on="run")
    joined["label"] = (joined["data"] + " " + joined["fidelity"]).str.strip()
    for x in ("total_MB", "train_seconds"):  # seeds stand at their mean
        joined[x] = joined.groupby(["stage", "arch", "label", "epoch"])[x].transform("mean")
    panels = {
        ("accuracy", "epoch"): "epochs",
        ("accuracy", "total_MB"): "MB read",
        ("limited", "train_seconds"): f"seconds of training, at {LIMITED}",
    }
    archs = list(joined["arch"].unique())
    colors = _colors(joined)
    figure = Figure(figsize=(17, 4.5 * len(archs)), layout="constrained")
    for arch, row in zip(archs, figure.subplots(len(archs), 3, squeeze=False), strict=True):
        for ((stage, x), title), axes in zip(panels.items(), row, strict=True):
            own = joined[(joined["arch"] == arch) & (joined["stage"] == stage)]
            axes.set(xlabel=title, ylabel="top-1 %", title=arch)
            axes.set_visible(bool(len(own)))
            if len(own):
                shown = [label for label in colors if label in set(own["label"])]
                style = {"hue": "label", "hue_order": shown, "palette": colors, "errorbar": "sd"}
                sns.lineplot(own, x=x, y="test_top_1", ax=axes, err_kws={"alpha": 0.08}, **style)
                place = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "title": None}
                sns.move_legend(axes, frameon=False, **place)
        if legend := row[0].get_legend():
            legend.remove()  # the panel beside it has the same
    figure.savefig(path, dpi=150)


def _colors(lines: pd.DataFrame) -> dict[str, Color]:
    """A colour for each label, everywhere: a hue for each kind of data, paler at lower levels."""
    kinds = lines.drop_duplicates("label").assign(
        level=lambda rows: pd.to_numeric(rows["fidelity"], errors="coerce")
    )
    colors = {}
    for hue, (_, own) in zip(cycle(HUES), kinds.groupby("data"), strict=False):
        labels = own.sort_values("level", ascending=False)["label"]
        shades = sns.color_palette(f"{hue}_r", len(labels) + 1)  # the last is nearly white
        colors |= dict(zip(labels, shades, strict=False))
    return colors


def draw_similarity(
    runs: pd.DataFrame, levels: pd.DataFrame, divergence: pd.DataFrame | None, path: Path
) -> None:
    """Final accuracy, less that of full fidelity with the same seed, over MS-SSIM and over KL."""
    paired = with_full(runs[runs["stage"] == "accuracy"])
    paired["level"] = pd.to_numeric(paired["fidelity"], errors="coerce")
    paired["points"] = paired["top_1"] - paired["top_1_full"]
    points = paired.merge(levels, left_on=["data", "level"], right_on=["ladder", "level"])
    if points.empty:
        return
    figure = Figure(figsize=(15, 4), layout="constrained")
    left, *right = figure.subplots(1, 1 if divergence is None else 2, squeeze=False)[0]
    _draw_fit(points, "ms_ssim_mean", "MS-SSIM", left)
    if divergence is not None:
        own = divergence[["arch", "image_size", "ladder", "level", "kl_mean"]]
        points = points.merge(own, on=["arch", "image_size", "ladder", "level"])
        _draw_fit(points, "kl_mean", "KL divergence, nats", right[0])
    figure.savefig(path, dpi=150)


def _draw_fit(points: pd.DataFrame, x: str, title: str, axes: Axes) -> None:
    sns.regplot(points, x=x, y="points", ax=axes, scatter=False, ci=None, color="gray")
    sns.scatterplot(points, x=x, y="points", hue="data", style="arch", ax=axes)
    axes.set(xlabel=title, ylabel="points of top-1 from full fidelity", title=fit(points, x))
    sns.move_legend(axes, "center left", bbox_to_anchor=(1, 0.5), frameon=False)


def fit(points: pd.DataFrame, x: str) -> str:
    """Slopes of lines through the levels of each seed, their mean and its interval, in words."""
    texts = []
    for arch, own in points.groupby("arch"):
        seeds = [seed for _, seed in own.groupby("seed") if seed[x].nunique() >= FEWEST_LEVELS]
        if seeds:
            slope, half = mean_slope([(seed[x], seed["points"]) for seed in seeds])
            texts.append(f"{arch}: slope {slope:.1f} ± {half:.1f} points, {len(seeds)} seeds")
    return "\n".join(texts) or "too few levels for a line"
