#!/usr/bin/env python3
"""Draw the metrics that dali_main.py wrote: accuracy and loss by epoch and by time, and images/s.

Takes one train_data_<rank>.csv per run, draws one curve per run, and prints a table of the runs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

COLUMNS = ["iteration", "epoch", "type", "value"]
FIGURES = {
    "accuracy": {"test_top_1": "top-1 accuracy [%]", "test_top_5": "top-5 accuracy [%]"},
    "loss": {"avg_train_loss": "training loss", "avg_test_loss": "validation loss"},
    "images_per_second": {"images_per_second": "training images/s"},
}
DRAWN = [metric for metrics in FIGURES.values() for metric in metrics]


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
    """One row per finished epoch, one column per type, and `train_seconds` from the start on.

    Training time is counted, not validation nor the pause before a run is resumed.
    """
    table = metrics.pivot_table(index="epoch", columns="type", values="value", aggfunc="last")
    steps = metrics[metrics["type"] == "data_times"].groupby("epoch").size()
    table = table.reindex(columns=[*DRAWN, "avg_train_time", "bytes_read", "n_scans"])
    table = table.dropna(how="all", subset=DRAWN)
    table["train_seconds"] = (table["avg_train_time"] * steps).cumsum()
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


def draw(tables: dict[str, pd.DataFrame], out: Path) -> list[Path]:
    """Write one PNG per figure: a row per metric, by epoch on the left and by time on the right."""
    import matplotlib

    matplotlib.use("Agg")
    import seaborn as sns
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    runs = pd.concat(
        [table.rename_axis("epoch").reset_index().assign(run=run) for run, table in tables.items()]
    )
    sns.set_theme(style="whitegrid", palette="colorblind")
    written = []
    for name, metrics in FIGURES.items():
        shown = {metric: title for metric, title in metrics.items() if runs[metric].notna().any()}
        if not shown:
            continue
        figure, axes = plt.subplots(
            len(shown), 2, figsize=(11, 3.6 * len(shown)), squeeze=False, layout="constrained"
        )
        for row, (metric, title) in zip(axes, shown.items(), strict=True):
            for axis, x, x_title in zip(
                row, ("epoch", "train_seconds"), ("epoch", "training time [s]"), strict=True
            ):
                data = runs.dropna(subset=[metric, x])
                if not data.empty:
                    sns.lineplot(data, x=x, y=metric, hue="run", style="run", markers=True, ax=axis)
                axis.set(xlabel=x_title, ylabel=title)
                axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        path = out / f"{name}.png"
        figure.savefig(path, dpi=120)
        plt.close(figure)
        written.append(path)
    return written


def summary(tables: dict[str, pd.DataFrame]) -> str:
    """One line per run: what was read, how fast, and how well it ended."""
    rows = []
    for values in tables.values():
        rows.append(
            {
                "scans": values["n_scans"].iloc[-1],
                "MB/epoch": values["bytes_read"].mean() / 1e6,
                "images/s": values["images_per_second"].median(),
                "top-1 [%]": values["test_top_1"].iloc[-1],
                "best top-1 [%]": values["test_top_1"].max(),
                "epochs": len(values),
            }
        )
    frame = pd.DataFrame(rows, index=pd.Index(list(tables), name="run"))
    formats = {"scans": "{:.0f}", "MB/epoch": "{:.2f}"}
    columns = {name: formats.get(name, "{:.1f}").format for name in frame.columns[:-1]}
    return frame.to_string(formatters=columns, na_rep="-")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("csv", type=Path, nargs="+", metavar="CSV", help="train_data_<rank>.csv")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the PNG files (.)")
    parser.add_argument("--labels", nargs="+", help="one name per CSV (default: its folder's name)")
    options = parser.parse_args(arguments)
    if options.labels and len(set(options.labels)) != len(options.csv):
        parser.error(
            f"--labels: expected {len(options.csv)} different names, found {options.labels}"
        )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Draw the runs; returns the exit code."""
    options = parse_arguments(arguments)
    try:
        labels = run_labels(options.csv, options.labels)
        tables = {
            label: by_epoch(read_metrics(path))
            for label, path in zip(labels, options.csv, strict=True)
        }
        options.out.mkdir(parents=True, exist_ok=True)
        pictures = draw(tables, options.out)
    except (OSError, ValueError) as error:
        print(f"plot_metrics.py: {error}", file=sys.stderr)
        return 1
    print(summary(tables))
    print("\nPictures: " + ", ".join(map(str, pictures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
