"""Tables of a reproduction, from its CSVs alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from intervals import paired_difference
from settings import CLASSES, FULL_LEVEL, GRAIN, LADDER, LIMITED

KIND = ["arch", "image_size", "epochs", "data", "fidelity", "way"]
TASK = ["arch", "image_size", "epochs", "seed", "grain", "task"]


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Final top-1 of each kind of training, and how it differs from full fidelity's.

    Runs are paired by seed, and by held-out image, with level 10 of `standard`, whose images are
    those of every ladder's last level and of the files themselves.
    """
    paired = with_full(runs)
    rows = []
    for (arch, size, epochs, data, fidelity, way), group in runs.groupby(KIND, sort=False):
        pairs = paired[paired["run"].isin(group["run"])]
        mean, interval = _difference(pairs)
        rows.append(
            {
                "network": f"{arch}, {size} px, {epochs} epochs",
                "data": data,
                "levels": ", ".join(filter(None, (fidelity, way))),
                "seeds": len(group),
                "MB per epoch": round((group["MB"] / epochs).mean(), 2),
                "bytes": round((pairs["MB"] / pairs["MB_full"]).mean(), 3),
                "top-1 %": round(group["top_1"].mean(), 2),
                "by seed": _range(group["top_1"]),
                "from full fidelity": round(mean, 2),
                "±": round(interval, 2),
            }
        )
    return pd.DataFrame(rows).sort_values("network", kind="stable", key=_by_first)


def _by_first(names: pd.Series) -> pd.Series:
    """Same names beside each other, in the order of their first rows."""
    return pd.Series(pd.factorize(names)[0], index=names.index)


def with_full(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs beside those of the same network, task and seed at full fidelity (columns …_full)."""
    runs = runs.assign(
        grain=runs["data"].str.endswith(GRAIN),
        task=runs["way"].where(runs["way"].str.endswith((CLASSES, LIMITED)), ""),
    )
    full = runs[runs["data"].isin([LADDER, LADDER + GRAIN]) & (runs["fidelity"] == str(FULL_LEVEL))]
    full = full[full["way"] == full["task"]]
    return runs.merge(full[[*TASK, "top_1", "MB", "correct"]], on=TASK, suffixes=("", "_full"))


def _difference(paired: pd.DataFrame) -> tuple[float, float]:
    """The mean difference in points, and half of its confidence interval."""
    if paired.empty:
        return float("nan"), float("nan")
    own, full = (
        np.array([[int(c) for c in text] for text in paired[name]])
        for name in ("correct", "correct_full")
    )
    return paired_difference(100.0 * (own - full))


def times(runs: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """How long runs over a limited network took, in seconds of training, and until they were good.

    Good is what full fidelity came to in the end: the mean of its seeds in the last epoch. A kind of
    training is good from the first epoch on in which the mean of its own seeds is.
    """
    measured = epochs.assign(test_top_1=pd.to_numeric(epochs["test_top_1"])).dropna()
    own = measured.merge(runs[runs["way"] == LIMITED][["run", "data", "fidelity"]], on="run")
    columns = ["test_top_1", "train_seconds", "total_MB"]
    curves = own.groupby(["data", "fidelity", "epoch"], sort=False)[columns].mean().reset_index()
    full = curves[curves["fidelity"] == str(FULL_LEVEL)]
    if full.empty:
        return pd.DataFrame()
    target, last = full["test_top_1"].iloc[-1], full["train_seconds"].iloc[-1]
    rows = []
    for (data, fidelity), curve in curves.groupby(["data", "fidelity"], sort=False):
        good = curve[curve["test_top_1"] >= target]
        rows.append(
            {
                "data": data,
                "levels": fidelity,
                "seeds": own[(own["data"] == data) & (own["fidelity"] == fidelity)][
                    "run"
                ].nunique(),
                "MB": round(curve["total_MB"].iloc[-1]),
                "seconds, all epochs": round(curve["train_seconds"].iloc[-1]),
                "of full fidelity's": round(curve["train_seconds"].iloc[-1] / last, 3),
                "top-1 %": round(curve["test_top_1"].iloc[-1], 2),
                f"seconds to {target:.2f} %": round(float(good["train_seconds"].min()), 0),
                "in epoch": good["epoch"].min(),
            }
        )
    return pd.DataFrame(rows)


def _range(values: pd.Series) -> str:
    return " … ".join(f"{value:.1f}" for value in sorted({values.min(), values.max()}))


def read(path: Path) -> pd.DataFrame | None:
    """A table of measurements; None where its stage has not run."""
    text = dict.fromkeys(("correct", "fidelity", "data", "date", "commit"), str)  # 80e3709 …
    return pd.read_csv(path, dtype=text, keep_default_na=False) if path.exists() else None


def to_markdown(table: pd.DataFrame) -> str:
    """A table as in the docs."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(map(_shown, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    return "–" if value == "" or (isinstance(value, float) and np.isnan(value)) else f"{value}"


def write_tables(out: Path) -> str:
    """Write tables.md, one section for each table whose stages have run; its text."""
    sections = []
    for title, (names, shorten) in SECTIONS.items():
        tables = [table for name in names if (table := read(out / name)) is not None]
        if len(tables) == len(names) and not (shown := shorten(*tables)).empty:
            sections.append(f"## {title}\n\n{_origin(tables[0])}\n\n{to_markdown(shown)}")
    text = "\n".join(sections)
    (out / "tables.md").write_text(text, encoding="utf-8")
    return text


def _origin(table: pd.DataFrame) -> str:
    dates, commits = (", ".join(sorted(set(table[name]))) for name in ("date", "commit"))
    machines = "; ".join(sorted(set(table["machine"])))
    return f"Measured on {dates}, commit {commits}, on {machines}."


def _columns(digits: dict[str, int], *first: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table[[*first, *digits]].round(digits)


SECTIONS: dict[str, tuple[list[str], Callable[..., pd.DataFrame]]] = {
    "Levels": (
        ["levels.csv"],
        _columns(
            {"mean_bytes": 0, "share": 3, "ms_ssim_mean": 4, "ms_ssim_p10": 4}, "ladder", "level"
        ),
    ),
    "Divergence": (
        ["divergence.csv"],
        _columns(
            {"share": 3, "ms_ssim_mean": 4, "kl_mean": 4, "same_class": 3},
            *("arch", "image_size", "ladder", "level"),
        ),
    ),
    "Conversion": (["conversion.csv"], _columns({"seconds": 1, "bytes": 0, "share": 3}, "result")),
    "Loading": (
        ["rates.csv"],
        _columns({"mean_bytes": 0, "images_per_second": 0}, "ladder", "level", "reader"),
    ),
    "Accuracy": (["runs.csv"], differences),
    "Time": (["runs.csv", "epochs.csv"], times),
}
