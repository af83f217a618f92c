"""A gallery: sample images of each class, each with where its levels end."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import ExifTags, Image

from pcr import jpeg
from pcr.dataset.reader import Dataset
from pcr.tools.quality import level_quality
from pcr.tools.samples import LevelImage, numbered_images

MOST_CLASSES = 12
PAGE_BYTES = 3_300_000  # of JPEGs: in base64 4.4 MB
_START_OF_IMAGE = 2  # bytes
_FIRST_QUARTER_TURN = 5  # of EXIF orientations


@dataclass(frozen=True)
class GalleryImage:
    """An image of the page.

    data: its JPEG in base64. ends: where each level ends in it. sizes: bytes of each level's JPEG in
    the dataset, which has no EXIF segment.
    """

    name: str
    label: int
    width: int
    height: int
    data: str
    ends: list[int]
    sizes: list[int]
    similarities: list[float]
    source_bytes: int

    @classmethod
    def of(cls, image: LevelImage, row: pd.Series) -> GalleryImage:
        """An image as its dataset has it; ``row`` is that of the inventory."""
        with image.named_errors():
            similarities = level_quality(image.jpegs)
        orientation = _orientation_segment(image)
        full = image.jpegs[-1]
        turned = full[:_START_OF_IMAGE] + orientation + full[_START_OF_IMAGE:]
        sizes = [len(level) for level in image.jpegs]
        width, height = int(row["width"]), int(row["height"])
        if image.orientation >= _FIRST_QUARTER_TURN:
            width, height = height, width
        return cls(
            name=image.name,
            label=int(row["label"]),
            width=width,
            height=height,
            data=base64.b64encode(turned).decode(),
            ends=[size - len(jpeg.EOI) + len(orientation) for size in sizes],
            sizes=sizes,
            similarities=[round(value, 5) for value in similarities],
            source_bytes=image.source_bytes,
        )


def choose_images(inventory: pd.DataFrame, per_class: int, seed: int) -> list[int]:
    """Positions of up to ``per_class`` images of each of the largest classes, drawn at random.

    Together they fit on a page: of each class, images too large for their part of it are left out,
    unless all of them are; then it is the smallest.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    sizes = inventory["label"].value_counts()
    labels = sorted(sizes.index[:MOST_CLASSES].tolist())
    most_bytes = PAGE_BYTES / (len(labels) * per_class)
    chosen: list[int] = []
    for label in labels:
        of_class = inventory[inventory["label"] == label]
        fitting = of_class[of_class["bytes"] <= most_bytes]
        if fitting.empty:
            fitting = of_class.nsmallest(1, "bytes")
        drawn = random.choice(fitting.index, min(per_class, len(fitting)), replace=False)
        chosen += sorted(drawn.tolist())
    return chosen


def read_gallery(
    dataset: Dataset, inventory: pd.DataFrame, numbers: list[int]
) -> Iterator[GalleryImage]:
    """The images at these positions of the dataset."""
    ordered = sorted(numbers)
    images = numbered_images(dataset, np.array(ordered, dtype=np.int64))
    for number, image in zip(ordered, images, strict=True):
        yield GalleryImage.of(image, inventory.loc[number])


def _orientation_segment(image: LevelImage) -> bytes:
    """An EXIF segment that has browsers turn the image; none where it is upright, or has its own."""
    if image.orientation == 1 or b"Exif\0\0" in image.jpegs[0]:
        return b""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = image.orientation
    content = exif.tobytes()
    return b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
