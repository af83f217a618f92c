"""The report on a dataset: its levels, a gallery of them, and what its images are."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError
from pcr.report import charts
from pcr.report.gallery import GalleryImage, choose_images, read_gallery
from pcr.report.inventory import conversion_report, oddities, take_inventory
from pcr.report.page import write_page
from pcr.tools.level_profile import LevelProfile, Predict, profile_levels, recommend
from pcr.tools.pictures import level_figure

MOST_BARS = 40
_MOST_ROWS = 200
_SECTIONS = [
    ("summary", "Summary"),
    ("level", "Which level?"),
    ("levels", "What levels cost"),
    ("gallery", "What they look like"),
    ("images", "The images"),
]


def report_dataset(
    dataset: Dataset,
    path: Path,
    *,
    sample: int = 100,
    images_per_class: int = 3,
    threshold: float = 0.95,
    most_kl: float = 0.1,
    predict: Predict | None = None,
    seed: int = 0,
    progress: bool = True,
) -> None:
    """Write the report on a dataset to ``path``: one file of HTML that needs no other.

    sample: images whose levels are measured. images_per_class: in the gallery. threshold: mean
    MS-SSIM that the recommended level reaches. predict: a network, whose predictions at the levels
    are compared. most_kl: their divergence at the recommended level, in nats. Raises DatasetError
    where the dataset has no images, FormatError where it is damaged.
    """
    if not len(dataset):
        raise DatasetError(f"{dataset.location}: expected a dataset with images, found none")
    images = take_inventory(dataset, progress=progress)
    profile = profile_levels(dataset, sample, seed=seed, progress=progress, predict=predict)
    level, reason = recommend(profile.table, threshold, most_kl)
    with charts.page_style():
        content = _levels(dataset, profile, level) | _images(dataset, images)
    chosen = choose_images(images, images_per_class, seed)
    write_page(
        path,
        "dataset.html",
        title=_name(dataset),
        subtitle=dataset.location,
        sections=_SECTIONS,
        date=datetime.datetime.now(datetime.UTC).date(),
        facts=list(_facts(dataset)),
        measured=min(sample, len(dataset)),
        reason=reason,
        gallery=_by_class(dataset, read_gallery(dataset, images, chosen)),
        classes_left_out=len(dataset.classes) - images.loc[chosen, "label"].nunique(),
        **content,
    )


def _name(dataset: Dataset) -> str:
    return dataset.location.rstrip("/").rpartition("/")[2] or dataset.location


def _facts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    info = dataset.info
    file_bytes = sum(record.file_bytes for record in dataset.records)
    yield "Images", f"{len(dataset):,}"
    yield "Classes", f"{len(dataset.classes):,}"
    yield "Records", f"{len(dataset.records):,} of up to {info.images_per_record:,} images"
    yield "Ladder", f"{info.ladder_name}, {dataset.levels} levels"
    yield "Sources", f"{info.source_bytes:,} bytes" if info.source_bytes else "of unknown size"
    yield "Dataset", f"{file_bytes:,} bytes"
    yield "Copied markers", info.copied_markers
    if info.restart_rows:
        yield "MCU rows between restart markers", str(info.restart_rows)


def _levels(dataset: Dataset, profile: LevelProfile, level: int) -> dict[str, Any]:
    figure = level_figure(profile.table, sources_known=profile.sources_known)
    described = (
        "Similarity and decode rate of each level over its share of the bytes, as in the table"
    )
    return {
        "levels": dataset.levels,
        "recommended": profile.table.iloc[level - 1],
        "command": f"pcr train --n_scans {level} {shlex.quote(dataset.location)} VALIDATION",
        "snippet": _snippet(dataset, level),
        "table": list(profile.table.itertuples()),
        "sources_known": profile.sources_known,
        "network_known": "kl_mean" in profile.table,
        "baseline_rate": profile.baseline_rate["loader"],
        "level_chart": charts.to_svg(figure, "levels-chart", described),
    }


def _snippet(dataset: Dataset, level: int) -> str:
    return (
        "from pcr import Loader, TrainTransform\n\n"
        f"loader = Loader({dataset.location!r}, batch_size=64, n_scans={level},\n"
        "                transform=TrainTransform(224))\n"
        "for images, labels in loader:  # float32 of shape (64, 3, 224, 224), int64 of shape (64,)\n"
        "    ..."
    )


def _images(dataset: Dataset, images: pd.DataFrame) -> dict[str, Any]:
    columns, rows = conversion_report(dataset)
    return {
        **_classes(dataset, images),
        "size_chart": _size_chart(images),
        "oddities": list(oddities(images)),
        "report_columns": columns,
        "report_rows": rows[:_MOST_ROWS],
        "report_left_out": max(0, len(rows) - _MOST_ROWS),
    }


def _classes(dataset: Dataset, images: pd.DataFrame) -> dict[str, Any]:
    """A bar per class, the largest first; of many classes the largest alone, and a note on the rest."""
    counts = images["label"].value_counts().reindex(range(len(dataset.classes)), fill_value=0)
    counts = counts.sort_values(ascending=False, kind="stable")
    shown = counts.iloc[:MOST_BARS]
    labels = [charts.label(dataset.classes[label]) for label in shown.index]
    figure = charts.draw_bars(shown.tolist(), labels, "images")
    described = "; ".join(
        f"{name}: {count:,} images" for name, count in zip(labels, shown, strict=True)
    )
    rest = counts.iloc[MOST_BARS:]
    note = f"And {len(rest):,} smaller classes of {rest.min():,} to {rest.max():,} images."
    return {
        "class_chart": charts.to_svg(figure, "classes-chart", described),
        "class_note": note if len(rest) else "",
    }


def _size_chart(images: pd.DataFrame) -> Markup:
    sizes = images[["width", "height"]]
    longer = sizes.max(axis=1)
    described = (
        f"Histograms of the images' longer sides, {longer.min()} to {longer.max()} pixels with a "
        f"median of {longer.median():.0f}, and of their shapes"
    )
    return charts.to_svg(charts.draw_sizes(sizes), "sizes-chart", described)


def _by_class(
    dataset: Dataset, images: Iterator[GalleryImage]
) -> list[tuple[str, list[GalleryImage]]]:
    ordered = sorted(images, key=lambda image: image.label)
    groups = groupby(ordered, key=lambda image: image.label)
    return [(dataset.classes[label], list(group)) for label, group in groups]
