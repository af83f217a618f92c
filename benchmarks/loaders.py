#!/usr/bin/env python3
"""Compare Loader with other common loaders, on the same images, in one run.

python3 benchmarks/loaders.py FOLDER WORK [--images 1000] [--rounds 3] [--levels 2,5,10]
                              [--only dali pcr:vision:8 …] [--python tf-data=PATH …] [--profile]

FOLDER is an ImageFolder of JPEGs. WORK is a directory for each loader's own copy of the images
(kept, so that a second run does not convert again) and for loaders.md, loaders.csv and loaders.png,
which loader_bars.py can draw again. In each round every loader runs once, in its own process: one
epoch to warm up, then the measured ones. A run counts only if every image was delivered once per
epoch; each image has its own class, so the labels show this. The table has medians.
`pip install -r benchmarks/requirements.txt` installs the other loaders; those that are not
installed are reported as such. --profile adds where our time goes, stage by stage (stages.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from loader_bars import draw
from machine import describe
from peers import PEERS, find_peer
from tqdm import tqdm

TRIAL = Path(__file__).with_name("trial.py")
STAGES = Path(__file__).with_name("stages.py")
PYTHONS: dict[str, str] = {}  # other environments', by loader
COLUMNS = {
    "images_per_second": "images/s",
    "cpu_seconds_per_1000_images": "CPU s / 1000 images",
    "read_MB": "read MB / epoch",
    "disk_MB": "disk MB",
    "peak_MB": "peak MB",
    "peak_above_torch_MB": "peak MB above torch",
}


def main() -> None:
    """Parse, prepare, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="measured per round")
    parser.add_argument("--ladders", nargs="+", default=["standard", "vision"])
    parser.add_argument("--levels", default="1,2,3,4,5,6,7,8,9,10", help="of each ladder")
    parser.add_argument(
        "--only", nargs="+", metavar="LOADER", help=f"{' '.join(PEERS)} pcr:LADDER:LEVEL"
    )
    parser.add_argument(
        "--python",
        nargs="+",
        default=[],
        metavar="LOADER=PATH",
        help="another environment's Python for a loader whose packages collide with the others'",
    )
    parser.add_argument("--profile", action="store_true", help="where our time goes, by level")
    arguments = parser.parse_args()
    PYTHONS.update(setting.split("=", 1) for setting in arguments.python)
    images = link_images(arguments.folder, arguments.work / "images", arguments.images)
    names = arguments.only or [*PEERS, *ours(arguments.ladders, arguments.levels)]
    failures = prepare(names, images, arguments.work)
    trials = measure(names, failures, images, arguments)
    report(trials, failures, names, arguments.work)
    if arguments.profile:
        profile(names, images, arguments)


def ours(ladders: list[str], levels: str) -> list[str]:
    """Names of Loader at those levels of those ladders."""
    return [f"pcr:{ladder}:{level}" for ladder in ladders for level in levels.split(",")]


def link_images(folder: Path, target: Path, count: int) -> Path:
    """An ImageFolder of links to `count` images, spread evenly, each in a class of its own."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if len(files) < count:
        sys.exit(f"{folder}: expected {count} JPEGs, found {len(files)}")
    target /= str(count)
    for number in range(count):
        image = files[number * len(files) // count]
        link = target / f"{number:06d}" / "image.jpg"
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(image.absolute())
    return target


def store_of(name: str, images: Path, work: Path) -> Path:
    """Where a loader keeps its form of the images; all levels of a ladder share one."""
    return work / f"{name.rsplit(':', 1)[0].replace(':', '-')}-{images.name}"


def prepare(names: list[str], images: Path, work: Path) -> dict[str, str]:
    """Let every loader convert the images, once; what failed and why."""
    failures = {}
    for name in tqdm(names, "Prepare"):
        store = store_of(name, images, work)
        done = store.with_name(f"{store.name}.done")
        if done.exists():
            continue
        store.mkdir(parents=True, exist_ok=True)
        result = run_trial("prepare", name, images, store)
        if "error" in result:
            failures[name] = result["error"]
        else:
            done.touch()
    return failures


def measure(
    names: list[str], failures: dict[str, str], images: Path, arguments: argparse.Namespace
) -> pd.DataFrame:
    """Interleaved rounds: one row per trial. A loader that fails once is not tried again."""
    rows = []
    for number in range(arguments.rounds):
        for name in tqdm(names, f"Round {number + 1} of {arguments.rounds}"):
            if name in failures:
                continue
            store = store_of(name, images, arguments.work)
            result = run_trial("measure", name, images, store, "--epochs", str(arguments.epochs))
            if "error" in result:
                failures[name] = result["error"]
            else:
                rows.append({"round": number, "loader": name, **result})
    return pd.DataFrame(rows, columns=["round", "loader", *COLUMNS])


def run_trial(*arguments: str | Path, script: Path = TRIAL) -> dict[str, Any]:
    """A child's result; its last line is JSON, whatever the libraries print before."""
    python = PYTHONS.get(str(arguments[1]), sys.executable)
    command = [python, str(script), *map(str, arguments)]
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=900, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": "not finished after 900 s"}
    try:
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = (done.stderr.strip() or "no output").splitlines()[-1]
        return {"error": f"exit code {done.returncode}: {last}"}
    return result


def profile(names: list[str], images: Path, arguments: argparse.Namespace) -> None:
    """Where our time goes, by ladder and level."""
    ladders = dict.fromkeys(name.split(":")[1] for name in names if name.startswith("pcr:"))
    for ladder in ladders:
        levels = [name.split(":")[2] for name in names if name.startswith(f"pcr:{ladder}:")]
        store = store_of(f"pcr:{ladder}:1", images, arguments.work)
        command = [sys.executable, str(STAGES), str(store), "--levels", ",".join(levels)]
        subprocess.run([*command, "--batch_sizes", "64"], check=False)


def report(trials: pd.DataFrame, failures: dict[str, str], names: list[str], work: Path) -> None:
    """Write loaders.csv, loaders.md and loaders.png, and print the table."""
    trials.to_csv(work / "loaders.csv", index=False)
    medians = trials.groupby("loader")[list(COLUMNS)].median().reindex(names).dropna()
    lines = [
        describe("torch", "torchvision", "numpy"),
        f"{trials['round'].nunique()} rounds, medians; read and disk: MB = 10^6 bytes",
        "",
        f"| loader | {' | '.join(COLUMNS.values())} |",
        "|---|" + "---:|" * len(COLUMNS),
    ]
    for name, row in medians.iterrows():
        digits = (0, 2, 1, 1, 0, 0)
        cells = [f"{value:.{d}f}" for value, d in zip(row, digits, strict=True)]
        lines.append(f"| {title(str(name))} | {' | '.join(cells)} |")
    lines += [f"| {title(name)} | {failures[name]} |" for name in names if name in failures]
    lines += ["", *best_peers(medians)]
    text = "\n".join(lines) + "\n"
    (work / "loaders.md").write_text(text, encoding="utf-8")
    print(text, flush=True)  # before what the children of profile() print
    if len(medians):
        draw(medians, work / "loaders.png")


def best_peers(medians: pd.DataFrame) -> list[str]:
    """Ours compared with the fastest of the others and the one with the least CPU time."""
    peers = medians[[not str(name).startswith("pcr:") for name in medians.index]]
    if peers.empty:
        return []
    fastest = peers["images_per_second"]
    thriftiest = peers["cpu_seconds_per_1000_images"]
    lines = [
        f"Fastest of the others: {title(str(fastest.idxmax()))}, {fastest.max():.0f} images/s. "
        f"Least CPU time: {title(str(thriftiest.idxmin()))}, {thriftiest.min():.2f} CPU s / 1000 images.",
    ]
    for name in medians.index.difference(peers.index, sort=False):
        row = medians.loc[name]
        speed = row["images_per_second"] / fastest.max()
        cost = row["cpu_seconds_per_1000_images"] / thriftiest.min()
        lines.append(f"- {title(str(name))}: {speed:.2f} x the images/s, {cost:.2f} x the CPU time")
    return lines


def title(name: str) -> str:
    """A loader's title with the version of the package that it comes from."""
    peer = find_peer(name)
    try:
        found = "" if name.startswith("pcr:") else f" {version(peer.package)}"
    except PackageNotFoundError:
        found = ""
    return f"{peer.title}{found}" + (f" ({peer.note})" if peer.note else "")


if __name__ == "__main__":
    main()
