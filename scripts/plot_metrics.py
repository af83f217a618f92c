#!/usr/bin/env python3
"""Draw the metrics that dali_main.py wrote: what a run came to by epoch, by time and by bytes read.

Takes one train_data_<rank>.csv per run, draws one curve per label, and prints a table. Runs of the same label are
seeds of one run: their curve is the mean, the band around it reaches from the lowest to the highest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MARKERS = 40  # epochs of which each point is marked
COLUMNS = ["iteration", "epoch", "type", "value"]


@dataclass(frozen=True)
class Figure:
    """A picture: a row of axes per metric, a column for what it is drawn against."""

    metrics: dict[str, str]  # column → title
    across: tuple[str, ...] = ("epoch", "train_seconds")
    stepped: bool = False  # one line per seed, in steps


FIGURES = {
    "accuracy": Figure(
        {"test_top_1": "top-1 accuracy [%]", "test_top_5": "top-5 accuracy [%]"},
        ("epoch", "train_seconds", "total_bytes"),
    ),
    "loss": Figure({"avg_train_loss": "training loss", "avg_test_loss": "validation loss"}),
    "images_per_second": Figure({"images_per_second": "training images/s"}),
    "n_scans": Figure({"n_scans": "levels read (n_scans)"}, stepped=True),
    "waiting": Figure({"wait_percent": "waiting for data [% of training time]"}),
}
DRAWN = ("test_top_1", "test_top_5", "avg_train_loss", "avg_test_loss", "images_per_second")
TAKEN = ("avg_train_time", "bytes_read", "autotune_bytes_read", "n_scans", "wait_share")
# What stands below the axes, and the units to choose from: each with its size.
AXES: dict[str, tuple[str, dict[str, float]]] = {
    "epoch": ("epoch", {"": 1}),
    "train_seconds": ("training time", {" [s]": 1, " [min]": 60, " [h]": 3600}),
    "total_bytes": ("read", {" [MB]": 1e6, " [GB]": 1e9, " [TB]": 1e12}),
}


def read_metrics(path: Path) -> pd.DataFrame:
    """Read one metrics file; a last line that was cut off (a run still going, or killed) is left out.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no metrics file, or holds no epoch yet.
    """
    expected = f"{path}: expected the columns {','.join(COLUMNS)} of a train_data_<rank>.csv"
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        raise ValueError(f"{expected}, found an empty file") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{expected}, found something else ({error})") from None
    if list(rows.columns) != COLUMNS:
        raise ValueError(f"{expected}, found {','.join(map(str, rows.columns[:8]))[:120]}")
    numbers = rows[["iteration", "epoch", "value"]].apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1) & ~rows["value"].str.fullmatch("nan", case=False, na=False)
    if bad.any() and bad.idxmax() != len(rows) - 1:
        line = int(bad.idxmax()) + 2
        raise ValueError(
            f"{path}, line {line}: expected numbers, found {rows.loc[line - 2].tolist()}"
        )
    metrics = rows.assign(**numbers)[~bad]
    if not metrics["type"].isin(DRAWN).any():
        raise ValueError(f"{path}: expected the metrics of an epoch or more, found none yet")
    return metrics


def by_epoch(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per finished epoch, one column per type, and what training took from the start on.

    `train_seconds` counts neither validation nor the pause before a run is resumed; `total_bytes` are those of
    training and of comparing gradients.
    """
    table = metrics.pivot_table(index="epoch", columns="type", values="value", aggfunc="last")
    steps = metrics[metrics["type"] == "data_times"].groupby("epoch").size()
    table = table.reindex(columns=[*DRAWN, *TAKEN]).dropna(how="all", subset=list(DRAWN))
    table["epoch_bytes"] = table["bytes_read"] + table["autotune_bytes_read"].fillna(0)
    table["train_seconds"] = (table["avg_train_time"] * steps).cumsum()
    table["total_bytes"] = table["epoch_bytes"].cumsum()
    table["wait_percent"] = 100 * table["wait_share"]
    table.index = table.index.astype(int) + 1  # epochs trained so far
    return table


def run_labels(paths: list[Path], labels: list[str] | None) -> list[str]:
    """The labels given, or else each file's folder, made longer until all differ."""
    if labels:
        return labels
    parts = [path.resolve().with_suffix("").parts for path in paths]
    for depth in range(2, max(map(len, parts)) + 1):
        names = ["/".join(p[-depth:-1]) for p in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def joined(labels: Sequence[str], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All runs in one table, with their label and their number among those of the same label.

    Seeds of a run reach an epoch at different times and bytes: they all stand at the mean of these.
    """
    seeds = [labels[:i].count(label) for i, label in enumerate(labels)]
    runs = pd.concat(
        [
            table.rename_axis("epoch").reset_index().assign(run=label, seed=seed)
            for table, label, seed in zip(tables, labels, seeds, strict=True)
        ]
    )
    for x in ("train_seconds", "total_bytes"):
        runs[x] = runs.groupby(["run", "epoch"])[x].transform("mean")
    return runs


def draw(runs: pd.DataFrame, out: Path) -> list[Path]:
    """Write one PNG per figure that there is something to draw in."""
    import matplotlib

    matplotlib.use("Agg")
    import seaborn as sns

    sns.set_theme(style="whitegrid", palette="colorblind", rc={"axes.titlelocation": "left"})
    return [
        path
        for name, figure in FIGURES.items()
        if (path := draw_figure(figure, runs, out / f"{name}.png"))
    ]


def draw_figure(figure: Figure, runs: pd.DataFrame, path: Path) -> Path | None:
    """Write one PNG; None where no run has such metrics."""
    from matplotlib import pyplot as plt

    metrics = [metric for metric in figure.metrics if runs[metric].notna().any()]
    if not metrics:
        return None
    columns = len(figure.across)
    picture, axes = plt.subplots(
        len(metrics),
        columns,
        figsize=(1.2 + 4.9 * columns, 0.5 + 3.6 * len(metrics)),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for row, metric in zip(axes, metrics, strict=True):
        for axis, x in zip(row, figure.across, strict=True):
            draw_curves(runs.dropna(subset=[metric, x]), x, metric, axis, figure.stepped)
        row[0].set_ylabel(figure.metrics[metric])
    handles, labels = axes[0][0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6))
    picture.savefig(path, dpi=120)
    plt.close(picture)
    return path


def draw_curves(runs: pd.DataFrame, x: str, metric: str, axis: Axes, stepped: bool) -> None:
    """One metric against one quantity: a curve for each label."""
    import seaborn as sns
    from matplotlib.ticker import MaxNLocator

    title, units = AXES[x]
    largest = runs[x].max()
    unit = next((u for u in reversed(units) if largest >= 3 * units[u]), next(iter(units)))
    how: dict[str, object] = {"errorbar": ("pi", 100)}  # all seeds lie in the band
    if stepped:
        how = {"units": "seed", "estimator": None, "drawstyle": "steps-mid", "alpha": 0.8}
    elif runs["epoch"].nunique() <= MOST_MARKERS:
        how |= {"style": "run", "markers": True, "dashes": False, "markersize": 6}
    data = runs.assign(**{x: runs[x] / units[unit]})
    sns.lineplot(data, x=x, y=metric, hue="run", ax=axis, linewidth=2, **how)
    axis.set(xlabel=f"{title}{unit}", ylabel="")
    if axis.get_legend():
        axis.get_legend().remove()
    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=x == "epoch"))
    if stepped:
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    if metric == "wait_percent":
        axis.set_ylim(bottom=0)


def summary(runs: pd.DataFrame) -> str:
    """One line per label: what was read, how fast, and how well it ended; means over seeds."""
    rows = []
    for _, values in runs.groupby("run", sort=False):
        seeds = [seed for _, seed in values.groupby("seed")]
        rows.append(
            {
                "scans": _mean(seed["n_scans"].iloc[-1] for seed in seeds),
                "MB/epoch": _mean(seed["epoch_bytes"].mean() for seed in seeds) / 1e6,
                "images/s": _mean(seed["images_per_second"].median() for seed in seeds),
                "top-1 [%]": _mean(seed["test_top_1"].iloc[-1] for seed in seeds),
                "best top-1 [%]": _mean(seed["test_top_1"].max() for seed in seeds),
                "epochs": max(len(seed) for seed in seeds),
                "seeds": len(seeds),
            }
        )
    frame = pd.DataFrame(rows, index=pd.Index(runs["run"].unique(), name="run"))
    formats = {"scans": "{:.3g}", "MB/epoch": "{:.2f}"}
    columns = {name: formats.get(name, "{:.1f}").format for name in frame.columns[:-2]}
    return frame.to_string(formatters=columns, na_rep="-")


def _mean(values: Iterable[float]) -> float:
    return float(pd.Series(list(values), dtype=float).mean())


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("csv", type=Path, nargs="+", metavar="CSV", help="train_data_<rank>.csv")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the PNG files (.)")
    parser.add_argument(
        "--labels",
        nargs="+",
        help="one name per CSV, the same for seeds of one run (default: its folder's name)",
    )
    options = parser.parse_args(arguments)
    if options.labels and len(options.labels) != len(options.csv):
        parser.error(f"--labels: expected {len(options.csv)} names, found {options.labels}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Draw the runs; returns the exit code."""
    options = parse_arguments(arguments)
    try:
        labels = run_labels(options.csv, options.labels)
        runs = joined(labels, [by_epoch(read_metrics(path)) for path in options.csv])
        options.out.mkdir(parents=True, exist_ok=True)
        pictures = draw(runs, options.out)
    except (OSError, ValueError) as error:
        print(f"plot_metrics.py: {error}", file=sys.stderr)
        return 1
    print(summary(runs))
    print("\nPictures: " + ", ".join(map(str, pictures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
