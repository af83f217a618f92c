"""Stage 2: images per second that are loaded at each level, warm and over a limited network."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
from levels import mean_bytes
from results import ROOT, add_rows
from settings import BANDWIDTH_MB_PER_S, Plan

MOST_IMAGES = 1000


def measure(plan: Plan) -> None:
    """Write rates.csv: one row per ladder, level and way of reading, of benchmarks/bandwidth.py."""
    path = plan.out / "rates.csv"
    if path.exists():
        return
    work = plan.out / "rates"
    readers = {"local": "warm", "pcr": f"{BANDWIDTH_MB_PER_S} MB/s"}
    names = {
        f"{kind}:{ladder}:{level}": (ladder, level, reader)
        for ladder, levels in plan.setting.levels.items()
        for level in levels
        for kind, reader in readers.items()
    }
    images = min(MOST_IMAGES, len(list(plan.train.rglob("*.*"))))
    command = [sys.executable, ROOT / "benchmarks" / "bandwidth.py", plan.train, work]
    limits = ["--bandwidth_MB_per_s", str(BANDWIDTH_MB_PER_S), "--rounds", plan.setting.rounds]
    limits += ["--images", images]
    subprocess.run([*command, *map(str, limits), "--only", *names], check=True)
    trials = pd.read_csv(work / "bandwidth.csv")
    medians = trials.groupby("loader")["images_per_second"].median()
    rows = []
    for name, (ladder, level, reader) in names.items():
        rows.append(
            {
                "ladder": ladder,
                "level": level,
                "reader": reader,
                "mean_bytes": mean_bytes(plan.dataset(ladder), level),
                "images_per_second": medians[name],
            }
        )
    add_rows(path, rows)
