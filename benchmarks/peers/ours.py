"""Loader at each level of each ladder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from peers.common import BATCH, MEAN, RATIO, SCALE, SIZE, STD, Epoch, Peer


def prepare_pcr(ladder: str) -> Callable[[Path, Path], None]:
    """Records of 128 images, so that there are several; "standard+1" has markers in every row."""
    name, _, restart_rows = ladder.partition("+")

    def prepare(folder: Path, store: Path) -> None:
        command = [sys.executable, "-m", "pcr", "convert", str(folder), str(store)]
        command += ["--ladder", name, "--batch_size", "128"]
        if restart_rows:
            command += ["--restart_rows", restart_rows]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return prepare


def pcr_epochs(level: int) -> Callable[[Path, Path, int], Epoch]:
    """Loader at one level."""

    def epochs(_folder: Path, store: Path, threads: int) -> Epoch:
        from pcr.loading.loader import Loader
        from pcr.loading.windows import TrainTransform

        transform = TrainTransform(SIZE, SCALE, RATIO, mean=MEAN, std=STD)
        loader = Loader(store, BATCH, level, transform=transform, num_threads=threads)
        return lambda: loader

    return epochs


def pcr_peer(ladder: str, level: int) -> Peer:
    """Loader at one level of one ladder."""
    name, _, restart_rows = ladder.partition("+")
    markers = f", --restart_rows {restart_rows}" if restart_rows else ""
    title = f"PCR {name}{markers}, level {level}"
    return Peer(title, "progressive-compressed-records", pcr_epochs(level), prepare_pcr(ladder))
