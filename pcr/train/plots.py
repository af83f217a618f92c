"""Pictures of training runs: accuracy, loss and speed by epoch, by time and by bytes read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pcr.atomic import atomic_path

MOST_MARKERS = 40  # epochs of which each point is marked
# Text stays text in PDF and SVG files, and can be searched and edited.
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class Picture:
    """A file: a row of panels per metric, a column of panels for each quantity below the axis."""

    metrics: dict[str, str]  # column → title
    across: tuple[str, ...] = ("epoch",)
    stepped: bool = False  # one line per seed, in steps
    most: float | None = None  # upper end of the axis; None: what the metrics reach


PICTURES = {
    "accuracy": Picture(
        {"test_top_1": "top-1 accuracy [%]", "test_top_5": "top-5 accuracy [%]"},
        ("epoch", "train_seconds", "total_bytes"),
    ),
    "loss": Picture(
        {"avg_train_loss": "training loss", "avg_test_loss": "validation loss"},
        ("epoch", "train_seconds", "total_bytes"),
    ),
    "images_per_second": Picture({"images_per_second": "training images/s"}),
    "n_scans": Picture({"n_scans": "levels read (n_scans)"}, stepped=True),
    "waiting": Picture({"wait_percent": "waiting for data\n[% of training time]"}, most=100),
}
# What stands below the axes, and the units to choose from: each with its size.
AXES: dict[str, tuple[str, dict[str, float]]] = {
    "epoch": ("epoch", {"": 1}),
    "train_seconds": ("training time", {" [s]": 1, " [min]": 60, " [h]": 3600}),
    "total_bytes": ("read", {" [MB]": 1e6, " [GB]": 1e9, " [TB]": 1e12}),
}


def draw(runs: pd.DataFrame, out: Path, file_format: str = "png") -> list[Path]:
    """Draw the table of `pcr.train.history.read_runs`: a file for each picture with content.

    All vertical axes begin at 0, so that noise looks as small as it is.
    """
    sns.set_theme(style="whitegrid", palette="colorblind", rc=STYLE)
    drawn = []
    for name, picture in PICTURES.items():
        figure = draw_picture(picture, runs)
        if figure is not None:
            drawn.append(out / f"{name}.{file_format}")
            with atomic_path(drawn[-1]) as temporary:
                figure.savefig(temporary, dpi=200, format=file_format)
    return drawn


def draw_picture(picture: Picture, runs: pd.DataFrame) -> Figure | None:
    """The panels that have something to show; None where there is no such panel."""
    metrics = [metric for metric in picture.metrics if runs[metric].notna().any()]
    across = [x for x in picture.across if runs[x].notna().any()]
    if not metrics:
        return None
    size = (0.7 + 4.2 * len(across), 0.6 + 3.1 * len(metrics))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(metrics), len(across), sharey="row", squeeze=False)
    for row, metric in zip(panels, metrics, strict=True):
        for axis, x in zip(row, across, strict=True):
            draw_curves(runs.dropna(subset=[metric, x]), x, metric, axis, picture.stepped)
        row[0].set(
            ylabel=picture.metrics[metric], ylim=(0, picture.most or 1.08 * runs[metric].max() or 1)
        )
    figure.align_ylabels()
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=min(len(labels), 4), frameon=False
    )
    return figure


def draw_curves(runs: pd.DataFrame, x: str, metric: str, axis: Axes, stepped: bool) -> None:
    """One metric against one quantity: a curve per label, in a band from its lowest to highest seed."""
    title, units = AXES[x]
    largest = runs[x].max()
    unit = next((u for u in reversed(units) if largest >= 3 * units[u]), next(iter(units)))
    how: dict[str, Any] = {"errorbar": ("pi", 100)}  # all seeds lie in the band
    if stepped:
        how = {"units": "seed", "estimator": None, "drawstyle": "steps-mid", "alpha": 0.8}
    if runs["epoch"].nunique() <= MOST_MARKERS:
        how |= {"style": "run", "markers": True, "dashes": False, "markersize": 6}
    data = runs.assign(**{x: runs[x] / units[unit]})
    sns.lineplot(data, x=x, y=metric, hue="run", ax=axis, linewidth=2, **how)
    axis.set(xlabel=f"{title}{unit}", ylabel="")
    if x != "epoch":
        axis.set_xlim(left=0)
    if legend := axis.get_legend():
        legend.remove()  # the figure has one for all panels
    axis.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=x == "epoch"))
    if stepped:
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
