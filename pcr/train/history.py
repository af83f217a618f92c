"""What training runs came to, from their metrics files: ours and those of the paper's release."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pcr.errors import FormatError

COLUMNS = ["iteration", "epoch", "type", "value"]
DRAWN = ("test_top_1", "test_top_5", "avg_train_loss", "avg_test_loss", "images_per_second")
TAKEN = ("avg_train_time", "bytes_read", "autotune_bytes_read", "n_scans", "wait_share")


def read_runs(paths: Sequence[Path], labels: Sequence[str]) -> pd.DataFrame:
    """All runs in one table: a row per epoch, with the run's label and its number among the same.

    Runs of one label are seeds of one run. They reach an epoch at different times and bytes: all
    stand at the mean of these.

    Raises:
        OSError: a file can't be read.
        FormatError: a file does not hold metrics, or none of an epoch yet.
    """
    tables = []
    for number, (path, label) in enumerate(zip(paths, labels, strict=True)):
        table = by_epoch(read_metrics(path)).rename_axis("epoch").reset_index()
        tables.append(table.assign(run=label, seed=list(labels[:number]).count(label)))
    runs = pd.concat(tables)
    for x in ("train_seconds", "total_bytes"):
        runs[x] = runs.groupby(["run", "epoch"])[x].transform("mean")
    return runs


def read_metrics(path: Path) -> pd.DataFrame:
    """The rows of one metrics file: iteration, epoch, type, value.

    A last line that was cut off (by a run that still writes, or was killed) is left out. The
    files of the paper's release have one more column in front, without a name: the row's number.
    """
    expected = f"{path}: expected the columns {','.join(COLUMNS)} of a train_data_<rank>.csv"
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        raise FormatError(f"{expected}, found an empty file") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise FormatError(f"{expected}, found something else ({error})") from None
    if list(rows.columns) == ["Unnamed: 0", *COLUMNS]:
        rows = rows[COLUMNS]
    if list(rows.columns) != COLUMNS:
        raise FormatError(f"{expected}, found {','.join(map(str, rows.columns[:8]))[:120]}")
    metrics = _numbers(rows, path)
    if not metrics["type"].isin(DRAWN).any():
        raise FormatError(f"{path}: expected the metrics of an epoch or more, found none yet")
    return metrics


def _numbers(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    numbers = rows[["iteration", "epoch", "value"]].apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1) & ~rows["value"].str.fullmatch("nan", case=False, na=False)
    if bad.any() and bad.idxmax() != len(rows) - 1:
        line = int(bad.idxmax()) + 2
        raise FormatError(
            f"{path}, line {line}: expected numbers, found {rows.loc[line - 2].tolist()}"
        )
    return rows.assign(**numbers)[~bad]


def by_epoch(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per finished epoch, one column per type, and what training took from the start on.

    `train_seconds` counts neither validation nor the pause before a run is resumed; `total_bytes`
    are those of training and of comparing gradients.
    """
    table = metrics.pivot_table(index="epoch", columns="type", values="value", aggfunc="last")
    waits = metrics[metrics["type"] == "data_times"].groupby("epoch")["value"]
    table = table.reindex(columns=[*DRAWN, *TAKEN]).replace([np.inf, -np.inf], np.nan)
    table = table.dropna(how="all", subset=list(DRAWN))
    seconds = table["avg_train_time"] * waits.size()
    wait_share = table["wait_share"].fillna(waits.sum() / seconds)
    table["epoch_bytes"] = table["bytes_read"] + table["autotune_bytes_read"].fillna(0)
    table["train_seconds"] = seconds.cumsum()
    table["total_bytes"] = table["epoch_bytes"].cumsum()
    table["wait_percent"] = 100 * wait_share
    table.index = table.index.astype(int) + 1  # epochs trained so far
    return table


def folder_labels(paths: Sequence[Path]) -> list[str]:
    """The names of the files' folders, with as many parents as it takes for all to differ."""
    parts = [Path(os.path.realpath(path)).with_suffix("").parts for path in paths]
    for depth in range(2, max(map(len, parts)) + 1):
        names = ["/".join(p[-depth:-1]) for p in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def summary(runs: pd.DataFrame) -> str:
    """`summary_table` as text."""
    return summary_table(runs).to_string()


def summary_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A line per label: what was read, how fast, how well it ended; means over seeds, as text."""
    rows = []
    for _, values in runs.groupby("run", sort=False):
        seeds = [seed for _, seed in values.groupby("seed")]
        rows.append(
            {
                "scans": _mean(seed["n_scans"].iloc[-1] for seed in seeds),
                "MB/epoch": _mean(seed["epoch_bytes"].mean() for seed in seeds) / 1e6,
                "images/s": _mean(seed["images_per_second"].median() for seed in seeds),
                "top-1 %": _mean(seed["test_top_1"].ffill().iloc[-1] for seed in seeds),
                "best %": _mean(seed["test_top_1"].max() for seed in seeds),
                "epochs": max(len(seed) for seed in seeds),
                "seeds": len(seeds),
            }
        )
    frame = pd.DataFrame(rows, index=pd.Index(runs["run"].unique(), name="run"))
    formats = {"scans": "{:.3g}", "MB/epoch": "{:.2f}"}
    for name in frame.columns[:-2]:
        written = formats.get(name, "{:.1f}")
        frame[name] = ["-" if pd.isna(value) else written.format(value) for value in frame[name]]
    return frame


def _mean(values: Iterable[float]) -> float:
    return float(pd.Series(list(values), dtype=float).mean())
