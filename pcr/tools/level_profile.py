"""What a dataset's levels cost and are worth, measured on a sample of its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd

from pcr import jpeg
from pcr.atomic import atomic_path
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError
from pcr.ladder import Ladder
from pcr.progress import progress_bar
from pcr.tools.quality import level_quality, measure_levels, summarize

_SEQUENTIAL = Ladder.parse("sequential", "")


def sample_images(
    dataset: Dataset, images: int, seed: int = 0
) -> Iterator[tuple[ImageInfo, list[bytes]]]:
    """Up to ``images`` images drawn from the whole dataset: what they are, and their JPEG at each level."""
    starts = np.cumsum([0, *(record.images for record in dataset.records)])
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = np.sort(random.permutation(len(dataset))[:images])
    for number in np.unique(np.searchsorted(starts, drawn, side="right") - 1).tolist():
        record = dataset.records[number]
        infos, full = record.info().images, record.read()
        inside = drawn[(drawn >= starts[number]) & (drawn < starts[number + 1])] - starts[number]
        for image in inside.tolist():
            yield infos[image], level_jpegs(full[image].tobytes(), infos[image].level_bytes)


def named_images(dataset: Dataset, names: Sequence[str]) -> list[tuple[str, list[bytes]]]:
    """The images of those names (as in their source folder): name, and their JPEG at each level.

    Raises DatasetError where the dataset has none of that name.
    """
    found: dict[str, list[bytes]] = {}
    some: list[str] = []
    for record in dataset.records:
        if len(found) == len(set(names)):
            break
        infos = record.info().images
        some = some or [info.name for info in infos[:1]]
        inside = [image for image, info in enumerate(infos) if info.name in names]
        if not inside:
            continue
        full = record.read()
        for image in inside:
            jpegs = level_jpegs(full[image].tobytes(), infos[image].level_bytes)
            found[infos[image].name] = jpegs
    for name in names:
        if name not in found:
            others = f"others as {some[0]!r}" if some else "none at all"
            raise DatasetError(f"{dataset.root}: expected an image {name!r}, found {others}")
    return [(name, found[name]) for name in names]


def level_jpegs(full: bytes, level_bytes: tuple[int, ...]) -> list[bytes]:
    """The JPEGs of level 1, 2, … of an image of which ``full`` has all levels."""
    return [full[:end] + jpeg.EOI for end in accumulate(level_bytes)]


def profile_quality(
    dataset: Dataset, images: int, *, seed: int = 0, progress: bool = True
) -> pd.DataFrame:
    """Bytes and MS-SSIM per level over a sample, as ``pcr.tools.quality.summarize`` lays it out."""
    level_bytes, level_ms_ssim = [], []
    sample = sample_images(dataset, images, seed)
    total = min(images, len(dataset))
    bar = progress_bar(
        sample, total=total, unit=" images", desc="Measuring MS-SSIM", disable=not progress
    )
    for info, jpegs in bar:
        level_bytes.append(list(accumulate(info.level_bytes)))
        level_ms_ssim.append(level_quality(jpegs))
    return summarize(level_bytes, level_ms_ssim)


def profile_levels(dataset: Dataset, images: int, *, seed: int = 0, tries: int = 3) -> pd.DataFrame:
    """Bytes, MS-SSIM and decode rate per level over a sample, as ``measure_levels`` lays it out."""
    sample = ((to_baseline(jpegs[-1]), jpegs) for _, jpegs in sample_images(dataset, images, seed))
    bar = progress_bar(sample, total=min(images, len(dataset)), unit=" images", desc="Measuring")
    table = measure_levels(bar, tries=tries)
    table.insert(0, "ladder", dataset.info.ladder_name)
    return table


def to_baseline(data: bytes) -> bytes:
    """The same image as sequential JPEG: what a dataset without levels would hold."""
    if not jpeg.header(data).progressive:
        return data
    return jpeg.transcode(data, _SEQUENTIAL.scripts).tobytes()


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)
