#!/usr/bin/env python3
"""Compare Loader with other loaders that read from a server of limited bandwidth and latency, in one run.

python3 benchmarks/bandwidth.py FOLDER WORK [--bandwidth_MB_per_s 20] [--latency_ms 0]
                                [--rounds 3] [--images 1000] [--only files pcr:standard:5 …]
                                [--server_cores 0]

FOLDER is an ImageFolder of JPEGs. WORK keeps each loader's form of the images, bandwidth.csv,
bandwidth.md and bandwidth.png. Servers on loopback (snailmail: HTTP with ranges, and S3) share
their bandwidth among all requests and delay each by the latency; a limit of 0 stands for none.
With --server_cores they have cores of their own, as on another machine, and loaders the others.
In each round every loader runs one epoch in its own process with an empty cache, beside a training
step of --step_images_per_second; a run counts only if every image was delivered once. Bytes and
requests are counted by the server. `local:LADDER:LEVEL` reads the same records without it. The picture
has bars for one bandwidth, and lines over several.
`pip install -r benchmarks/requirements.txt` installs the other loaders.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from loader_bars import KINDS
from loaders import link_images, ours, run_trial
from machine import describe
from matplotlib.figure import Figure
from peers.remote import REMOTE_PEERS, find_remote_peer
from snailmail import Fixed, HTTPRangeServer, ObjectStore
from tqdm import tqdm

TRIAL = Path(__file__).with_name("remote_trial.py")
BUCKET = "bench"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
}
COLUMNS = {
    "images_per_second": "images/s",
    "MB": "MB moved",
    "requests": "requests",
    "waiting": "waiting",
}


def main() -> None:
    """Parse, prepare, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bandwidth_MB_per_s", type=float, nargs="+", default=[20])
    parser.add_argument("--latency_ms", type=float, default=0)
    parser.add_argument("--step_images_per_second", type=float, default=0, help="0: no step")
    parser.add_argument("--ladders", nargs="+", default=["standard", "vision"])
    parser.add_argument("--levels", default="1,2,3,5,10", help="of each ladder")
    parser.add_argument("--only", nargs="+", metavar="LOADER")
    parser.add_argument("--server_cores", type=int, default=0, help="0: those of the loaders")
    arguments = parser.parse_args()
    os.environ.update(CREDENTIALS)
    names = arguments.only or [*REMOTE_PEERS, *ours(arguments.ladders, arguments.levels)]
    images = link_images(arguments.folder, arguments.work / "images", arguments.images)
    for name in tqdm(names, "Prepare"):
        prepare(name, images, arguments.work)
    report(measure(names, images, arguments), names, arguments)


def store_of(name: str, images: Path, work: Path) -> Path:
    """Where a loader's form of the images is, below what is served."""
    name = name.replace("local:", "pcr:")
    return work / "served" / f"{name.rsplit(':', 1)[0].replace(':', '-')}-{images.name}"


def prepare(name: str, images: Path, work: Path) -> None:
    """Let a loader convert the images, once."""
    store = store_of(name, images, work)
    done = store.with_suffix(".done")
    if done.exists():
        return
    store.mkdir(parents=True, exist_ok=True)
    result = run_trial("prepare", name, images, store, script=TRIAL)
    if "error" in result:
        sys.exit(f"{name}: {result['error']}")
    done.touch()


def measure(names: list[str], images: Path, arguments: argparse.Namespace) -> pd.DataFrame:
    """Interleaved rounds: one row per trial."""
    rows = []
    loader_cores = keep_cores(arguments.server_cores)
    for bandwidth in arguments.bandwidth_MB_per_s:
        served = arguments.work / "served"
        with Servers(served, bandwidth, arguments.latency_ms, loader_cores) as servers:
            for number in range(arguments.rounds):
                for name in tqdm(names, f"{bandwidth:g} MB/s, round {number + 1}"):
                    store = store_of(name, images, arguments.work)
                    result = servers.trial(name, images, store, arguments.step_images_per_second)
                    if "error" in result:
                        sys.exit(f"{name}: {result['error']}")
                    rows.append({"loader": name, "bandwidth": bandwidth, **result})
    return pd.DataFrame(rows)


def keep_cores(server_cores: int) -> list[str]:
    """Run this process, which serves, on so many cores (0: all); those that loaders run on."""
    cores = sorted(os.sched_getaffinity(0))
    if not 0 <= server_cores < len(cores):
        sys.exit(f"--server_cores: expected 0 to {len(cores) - 1}, found {server_cores}")
    if server_cores:
        os.sched_setaffinity(0, cores[:server_cores])
    return [str(core) for core in cores[server_cores:]]


class Servers:
    """An HTTP server of a folder, and an object store that holds what loaders of S3 read."""

    def __init__(self, served: Path, bandwidth: float, latency_ms: float, cores: list[str]) -> None:
        self._cores = cores
        limits = {"latency": Fixed(latency_ms), "bandwidth_mbs": bandwidth or None}
        self._http = HTTPRangeServer(served, **limits)
        self._s3 = ObjectStore(bucket=BUCKET, **limits)
        self._stack = ExitStack()
        self._uploaded: set[Path] = set()

    def __enter__(self) -> Servers:
        for server in (self._http, self._s3):
            self._stack.callback(server.stop)
            server.start()
        os.environ["S3_ENDPOINT_URL"] = self._s3.endpoint_url  # where streaming looks for it
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def trial(self, name: str, images: Path, store: Path, step: float) -> dict[str, Any]:
        """One epoch, and what the server counted of it."""
        s3 = find_remote_peer(name).s3
        server: Any = self._s3 if s3 else self._http
        if s3:
            self._upload(store)
        url = f"s3://{BUCKET}/{store.name}" if s3 else f"{self._http.base.rstrip('/')}/{store.name}"
        server.reset_counts()
        flags = ["--url", url, "--step_images_per_second", str(step), "--cores", *self._cores]
        result = run_trial("measure", name, images, store, *flags, script=TRIAL)
        counted = server.report()
        return {**result, "requests": counted["n_requests"], "MB": counted["total_bytes"] / 1e6}

    def _upload(self, store: Path) -> None:
        if store in self._uploaded:
            return
        import boto3

        client = boto3.client("s3", endpoint_url=self._s3.endpoint_url)
        with unlimited(self._s3):
            for file in store.iterdir():
                client.upload_file(str(file), BUCKET, f"{store.name}/{file.name}")
        self._uploaded.add(store)


@contextmanager
def unlimited(server: ObjectStore) -> Iterator[None]:
    """Lift a server's limits for a while."""
    latency, bandwidth = server.middleware.latency, server.middleware.bandwidth_mbs
    server.set_latency(Fixed(0))
    server.set_bandwidth_mbs(None)
    yield
    server.set_latency(latency)
    server.set_bandwidth_mbs(bandwidth)


def report(trials: pd.DataFrame, names: list[str], arguments: argparse.Namespace) -> None:
    """Write bandwidth.csv, bandwidth.md and bandwidth.png, and print the table."""
    trials.to_csv(arguments.work / "bandwidth.csv", index=False)
    medians = trials.groupby(["bandwidth", "loader"])[list(COLUMNS)].median()
    lines = [
        describe("torch", "obstore", "webdataset", "mosaicml-streaming"),
        f"{arguments.rounds} rounds, medians; {arguments.images} images, {arguments.latency_ms:g} ms "
        f"of latency per request, {_shared(arguments.server_cores)}, a step of "
        f"{arguments.step_images_per_second or 'any'} images/s; MB = 10^6 bytes",
    ]
    for bandwidth in arguments.bandwidth_MB_per_s:
        lines += ["", *table(medians.loc[bandwidth].reindex(names), bandwidth)]
    text = "\n".join(lines) + "\n"
    (arguments.work / "bandwidth.md").write_text(text, encoding="utf-8")
    print(text)
    draw(trials, arguments.work / "bandwidth.png")


def _shared(server_cores: int) -> str:
    return f"{server_cores} cores for the servers alone" if server_cores else "cores shared"


def table(medians: pd.DataFrame, bandwidth: float) -> list[str]:
    """One bandwidth: a row per loader, and its rate over that of the best of the others."""
    best = medians["images_per_second"][[name in REMOTE_PEERS for name in medians.index]]
    lines = [
        f"| {f'{bandwidth:g} MB/s' if bandwidth else 'no limit'} | {' | '.join(COLUMNS.values())} | × best other |",
        "|---|" + "---:|" * (len(COLUMNS) + 1),
    ]
    for name, row in medians.iterrows():
        ratio = f"{row['images_per_second'] / best.max():.2f}" if len(best) else "–"
        lines.append(
            f"| {find_remote_peer(str(name)).title} | {row['images_per_second']:.0f} | {row['MB']:.2f} | "
            f"{row['requests']:.0f} | {100 * row['waiting']:.0f} % | {ratio} |"
        )
    return lines


def draw(trials: pd.DataFrame, path: Path) -> None:
    """Images/s of each loader: bars for one bandwidth, lines over several."""
    sns.set_theme(style="whitegrid", rc={"svg.fonttype": "none", "pdf.fonttype": 42})
    shown = trials.assign(title=[find_remote_peer(name).title for name in trials["loader"]])
    order = shown.groupby("title")["images_per_second"].median().sort_values().index[::-1]
    figure = Figure(figsize=(9, 1.2 + 0.33 * len(order)), layout="constrained")
    axes = figure.subplots()
    if trials["bandwidth"].nunique() == 1:
        colors = {title: KINDS[_kind(title)] for title in order}
        sns.barplot(
            shown,
            y="title",
            x="images_per_second",
            hue="title",
            order=order,
            palette=colors,
            estimator="median",
            errorbar=None,
            ax=axes,
        )
        for container in axes.containers:
            axes.bar_label(container, fmt="%.0f", padding=4, fontsize=10)
        axes.set(xlabel="images/s", ylabel="")
    else:
        sns.lineplot(
            shown,
            x="bandwidth",
            y="images_per_second",
            hue="title",
            hue_order=order,
            estimator="median",
            errorbar=None,
            marker="o",
            ax=axes,
        )
        axes.set(xscale="log", yscale="log", xlabel="MB/s", ylabel="images/s")
        sns.move_legend(axes, "center left", bbox_to_anchor=(1, 0.5), title="", frameon=False)
    sns.despine(figure, left=True)
    figure.savefig(path, dpi=200)


def _kind(title: str) -> str:
    others, whole, lower = KINDS
    if not title.startswith("PCR"):
        return others
    return whole if title.endswith("level 10") else lower


if __name__ == "__main__":
    main()
