"""Loaders of small datasets for tests, and how near to Pillow their pixels must be."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pcr.loading.loader import Loader
from pcr.loading.windows import TrainTransform

SIZES = (9, 9, 9, 4)
SMALL = TrainTransform(16)
IDENTITY = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)}  # leaves 0 … 255


def numpy_loader(root: Path, batch_size: int = 8, **options: object) -> Loader:
    arguments = {"transform": SMALL, "output": "numpy", "num_threads": 2, **options}
    if arguments["transform"] is None:
        arguments = {"layout": "NHWC", **arguments}
    return Loader(root, batch_size, **arguments)  # type: ignore[arg-type]


def drain(loader: Loader) -> list[tuple[bytes, int]]:
    """One epoch's images and labels, in order."""
    return [
        (image.tobytes(), int(label))
        for images, labels in loader
        for image, label in zip(images, labels, strict=True)
    ]


def pillow(jpeg: np.ndarray) -> Image.Image:
    return Image.open(io.BytesIO(jpeg.tobytes())).convert("RGB")


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """The bars of agreement: 1/255 on average, 2/255 at the 99.9th percentile."""
    difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    assert difference.mean() <= 1
    assert np.percentile(difference, 99.9) <= 2
