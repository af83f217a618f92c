"""Trainings, each in a folder of its own, resumed where they were stopped; what they came to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from results import ROOT, add_rows, known
from settings import Network, Plan
from torchvision import models

from pcr.imagefolder import ImageFolder
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.loader import TensorLoader
from pcr.loading.windows import EvalTransform
from pcr.train.checkpoint import LAST_FILE, load
from pcr.train.config import RESIZE_RATIO
from pcr.train.history import by_epoch, read_metrics

VALIDATE_EVERY = 10  # epochs


@dataclass(frozen=True)
class Run:
    """One training: a network, data, a fidelity, a seed.

    way: what else is different, in a word or two; flags: the same for the trainer. merged: the class
    that each class counts as, if that is another one.
    """

    stage: str
    network: Network
    data: str  # a ladder, one on images with grain, "images", or "quality-N"
    fidelity: str  # as --n_scans takes it; "" for images
    seed: int
    way: str = ""
    flags: tuple[str, ...] = ()
    merged: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Of its folder; different for different runs."""
        network, fidelity = self.network, f"{self.fidelity} {self.way}".strip()
        task = (network.arch, network.image_size, network.epochs)
        words = (*task, self.data, fidelity, self.seed)
        return re.sub(r"[^\w.=-]+", "_", "-".join(str(word) for word in words if word != ""))


def train_all(plan: Plan, runs: Sequence[Run], data: Mapping[str, Path | str]) -> None:
    """Train what runs.csv does not have yet, seed by seed, some at a time; add it to the tables."""
    path, curves = plan.out / "runs.csv", plan.out / "epochs.csv"
    done = known(path, "run")
    left = [run for run in runs if run.name not in done]
    with ThreadPoolExecutor(plan.jobs) as executor:
        for run, _ in zip(
            left, executor.map(lambda run: train(plan, run, data[run.data]), left), strict=True
        ):
            folder = plan.out / "runs" / run.name
            if run.name not in known(curves, "run"):  # stopped between the two tables
                table = epochs(run, folder).to_dict("records")
                add_rows(curves, table, with_origin=False)  # runs.csv has it
            result = outcome(plan, run, folder)
            add_rows(path, [result])
            print(f"{run.name}: {result['top_1']:.2f} %", flush=True)


def train(plan: Plan, run: Run, data: Path | str) -> None:
    """Train to the end, from the last checkpoint where there is one."""
    command = [sys.executable, ROOT / "dali_main.py", "--loader", "native", "--resume", "auto"]
    fidelity = ["--n_scans", run.fidelity] if run.fidelity else []
    every = min(VALIDATE_EVERY, run.network.epochs)
    flags = ["--seed", run.seed, "-j", 1, "--validate-freq", every, *run.network.flags]
    folder = plan.out / "runs" / run.name
    words = [*command, *flags, *fidelity, *run.flags, "--output_dir", folder, data, plan.held_out]
    subprocess.run(
        [str(word) for word in words],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def epochs(run: Run, folder: Path) -> pd.DataFrame:
    """What was read up to each epoch, how long training took, and the accuracy if it was measured."""
    table = by_epoch(read_metrics(folder / "train_data_0.csv"))
    table["total_MB"] = table["total_bytes"] / 1e6
    columns = ["train_seconds", "total_MB", "n_scans", "test_top_1"]
    return table[columns].round(3).rename_axis("epoch").reset_index().assign(run=run.name)


def outcome(plan: Plan, run: Run, folder: Path) -> dict[str, object]:
    """The final accuracy, and whether each held-out image was recognised, as 0 and 1."""
    correct = recognised(plan, run, folder / LAST_FILE)
    return {
        "run": run.name,
        "stage": run.stage,
        "arch": run.network.arch,
        "image_size": run.network.image_size,
        "epochs": run.network.epochs,
        "data": run.data,
        "fidelity": run.fidelity,
        "way": run.way,
        "seed": run.seed,
        "top_1": 100 * correct.double().mean().item(),
        "MB": epochs(run, folder)["total_MB"].iloc[-1],
        "correct": "".join(str(int(one)) for one in correct),
    }


@torch.no_grad()
def recognised(plan: Plan, run: Run, checkpoint: Path) -> torch.Tensor:
    """Whether a trained network knows the class of each held-out image, bool (N,)."""
    state = load(checkpoint)
    model = models.get_model(run.network.arch, weights=None, num_classes=len(state["classes"]))
    model.load_state_dict(state["model"])
    model.eval()
    folder = ImageFolder.scan(plan.held_out)
    size = run.network.image_size
    transform = EvalTransform(size, round(size * RESIZE_RATIO))
    source = FileIterator(folder, run.network.batch_size, shuffle=False, only_jpegs=True)
    loader = TensorLoader(source, DecodeOptions(transform=transform, num_threads=1))
    merged = dict(run.merged)
    labels = torch.tensor([state["classes"].index(merged.get(n, n)) for n in folder.classes])
    return torch.cat([model(images).argmax(1) == labels[own] for images, own in loader])
