"""What the images of a dataset are: one row each, from the metadata of the records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pandas as pd

from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.progress import progress_bar

_GRAY, _CMYK = 1, 4


def take_inventory(dataset: Dataset, *, progress: bool = True) -> pd.DataFrame:
    """Name, label, width, height, components, orientation, bytes and source_bytes of each image.

    The row's number is the image's position in the dataset. Raises FormatError where a record's
    metadata is damaged.
    """
    rows: list[tuple[object, ...]] = []
    for record in progress_bar(
        dataset.records, unit=" records", desc="Listing", disable=not progress
    ):
        info = record.info()
        for image, label in zip(info.images, info.labels.tolist(), strict=True):
            size = (image.width, image.height, image.components, image.orientation or 1)
            rows.append((image.name, label, *size, sum(image.level_bytes), image.source_bytes))
    columns = ["name", "label", "width", "height", "components", "orientation"]
    return pd.DataFrame(rows, columns=[*columns, "bytes", "source_bytes"])


def oddities(images: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """What users should know of before they train: extremes, and images unlike the others."""
    pixels = images["width"] * images["height"]
    for title, row in (
        ("Fewest pixels", images.loc[pixels.idxmin()]),
        ("Most pixels", images.loc[pixels.idxmax()]),
    ):
        yield title, f"{row['width']} × {row['height']}: {row['name']}"
    for title, row in (
        ("Fewest bytes", images.loc[images["bytes"].idxmin()]),
        ("Most bytes", images.loc[images["bytes"].idxmax()]),
    ):
        yield title, f"{row['bytes']:,}: {row['name']}"
    for title, is_odd in (
        ("Grayscale", images["components"] == _GRAY),
        ("CMYK", images["components"] == _CMYK),
        ("To be turned (EXIF orientation)", images["orientation"] != 1),
        ("Smaller than 64 pixels", images[["width", "height"]].min(axis=1) < 64),
        ("More than 3 times as long as wide", _aspect(images) > 3),
    ):
        yield title, f"{int(is_odd.sum()):,} of {len(images):,}"


def conversion_report(dataset: Dataset) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of what was skipped or changed when converting; none without a report."""
    if dataset.store.size(layout.REPORT_FILE) is None:
        return [], []
    text = dataset.store.read(layout.REPORT_FILE).decode(errors="surrogateescape")
    columns, *rows = [*csv.reader(io.StringIO(text, newline=""))] or [[]]
    return columns, rows


def _aspect(images: pd.DataFrame) -> pd.Series:
    sides = images[["width", "height"]]
    return sides.max(axis=1) / sides.min(axis=1).clip(lower=1)
