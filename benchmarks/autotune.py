#!/usr/bin/env python3
"""Compares `--n_scans auto` with full fidelity: accuracy and bytes read, several seeds each.

Needs a PCR dataset and a validation folder, such as those of the sample dataset:

    python3 scripts/make_sample_dataset.py sample
    python3 PCR_Converter.py sample/train sample_pcr --batch_size 256 --seed 0
    OMP_NUM_THREADS=1 python3 benchmarks/autotune.py sample_pcr sample/val --jobs 2

Started again after it was stopped, it resumes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from machine import describe

ROOT = Path(__file__).resolve().parent.parent
SETTING = "-a shufflenet_v2_x0_5 -b 32 --image_size 48 --lr 0.05 --epochs 15 -j 1"


def main() -> None:
    """Train, read the metrics, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pcr", type=Path, help="a PCR dataset")
    parser.add_argument("val", type=Path, help="an ImageFolder with the same classes")
    parser.add_argument("--out", type=Path, default=Path("autotune_runs"), help="where runs go")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.9], help="of auto (0.9)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time (1)")
    parser.add_argument("--flags", default=SETTING, help=f"of dali_main.py ({SETTING})")
    arguments = parser.parse_args()
    fidelities: dict[str, list[str]] = {"full": []}
    for threshold in arguments.thresholds:
        flags = ["--n_scans", "auto", "--autotune-threshold", str(threshold)]
        fidelities[f"auto_{threshold:g}"] = flags
    # Interleaved, so that what changes on the machine affects all of them.
    runs = [(seed, name) for seed in arguments.seeds for name in fidelities]

    def one(run: tuple[int, str]) -> dict[str, object]:
        seed, name = run
        output_dir = arguments.out / f"{name}_{seed}"
        flags = [*arguments.flags.split(), *fidelities[name], "--seed", str(seed)]
        train(arguments.pcr, arguments.val, output_dir, flags)
        return {"fidelity": name, "seed": seed, **outcome(output_dir)}

    with ThreadPoolExecutor(arguments.jobs) as executor:
        rows = list(executor.map(one, runs))
    print(describe("torch", "progressive-compressed-records"))
    print(f"{arguments.pcr}: dali_main.py {arguments.flags}\n")
    print(table(pd.DataFrame(rows)))


def train(pcr: Path, val: Path, run: Path, flags: list[str]) -> None:
    """One run of the trainer."""
    command = [sys.executable, ROOT / "dali_main.py", "--resume", "auto", *flags]
    subprocess.run([*command, "--output_dir", run, pcr, val], check=True, stdout=sys.stderr)


def outcome(run: Path) -> dict[str, object]:
    """How a run ended, and all that it read, for training and for comparing gradients."""
    metrics = pd.read_csv(run / "train_data_0.csv")
    values = {name: rows["value"] for name, rows in metrics.groupby("type")}
    compared = float(values.get("autotune_bytes_read", pd.Series(dtype=float)).sum())
    return {
        "top_1": values["test_top_1"].iloc[-1],
        "MB": (values["bytes_read"].sum() + compared) / 1e6,
        "MB_compared": compared / 1e6,
        "levels": levels(values["n_scans"].astype(int).tolist()),
    }


def levels(by_epoch: list[int]) -> str:
    """Each level and from which epoch on, as `--n_scans` takes it."""
    changes = [
        f"{epoch}:{level}"
        for epoch, level in enumerate(by_epoch)
        if epoch == 0 or by_epoch[epoch - 1] != level
    ]
    return ",".join(changes)


def table(runs: pd.DataFrame) -> str:
    """A row for each run and the means over the seeds, in Markdown."""
    full_bytes = runs.loc[runs["fidelity"] == "full", "MB"].mean()
    means = runs.groupby("fidelity", sort=False)[["top_1", "MB", "MB_compared"]].mean()
    means = means.reset_index().assign(seed="mean", levels="")
    lines = [
        "| fidelity | seed | top-1 % at the end | MB read | of full fidelity's | to compare | levels by epoch |",
        "|---|---|---|---|---|---|---|",
    ]
    order = {name: place for place, name in enumerate(means["fidelity"])}
    rows = pd.concat([runs, means]).sort_values(
        "fidelity", key=lambda c: c.map(order), kind="stable"
    )
    for row in rows.itertuples():
        lines.append(
            f"| {row.fidelity} | {row.seed} | {row.top_1:.2f} | {row.MB:.1f} | {row.MB / full_bytes:.3f} "
            f"| {row.MB_compared:.1f} | {row.levels} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
