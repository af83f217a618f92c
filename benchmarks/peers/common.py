"""What all compared loaders share: the work that they do, and what a loader is."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZE, BATCH = 224, 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)

Epoch = Callable[[], Iterable[tuple[Any, Any]]]


@dataclass(frozen=True)
class Peer:
    """A loader: `prepare(folder, store)` writes its form of the images, `epochs(folder, store, threads)` opens it.

    package: the distribution that it comes from. Without `prepare` it reads the folder itself.
    framework: the module whose tensors batches are.
    """

    title: str
    package: str
    epochs: Callable[[Path, Path, int], Epoch]
    prepare: Callable[[Path, Path], None] | None = None
    note: str = ""
    framework: str = "torch"


def samples(folder: Path) -> list[tuple[Path, int]]:
    """Files and labels as ImageFolder has them; here every image is a class of its own."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [(file, label) for label, path in enumerate(classes) for file in sorted(path.iterdir())]


def shuffled(folder: Path) -> list[tuple[Path, int]]:
    """The same in an order that is drawn once, for formats that keep theirs."""
    images = samples(folder)
    return random.Random(0).sample(images, len(images))
