"""What a dataset's levels cost and are worth, measured on a sample of its images."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd

from pcr.format import ImageInfo
from pcr.progress import progress_bar
from pcr.quality import level_quality, summarize
from pcr.reader import Dataset
from pcr.writer import atomic_path

_EOI = b"\xff\xd9"


def sample_images(
    dataset: Dataset, images: int, seed: int = 0
) -> Iterator[tuple[ImageInfo, list[bytes]]]:
    """Up to ``images`` images drawn from the whole dataset: what they are, and their JPEG at each level."""
    starts = np.cumsum([0, *(record.images for record in dataset.records)])
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = np.sort(random.permutation(len(dataset))[:images])
    for record in np.unique(np.searchsorted(starts, drawn, side="right") - 1).tolist():
        infos = dataset.read_info(record).images
        full = dataset.read(record, dataset.levels)
        inside = drawn[(drawn >= starts[record]) & (drawn < starts[record + 1])] - starts[record]
        for image in inside.tolist():
            yield infos[image], level_jpegs(full[image].tobytes(), infos[image].level_bytes)


def level_jpegs(full: bytes, level_bytes: tuple[int, ...]) -> list[bytes]:
    """The JPEGs of level 1, 2, … of an image of which ``full`` has all levels."""
    return [full[:end] + _EOI for end in accumulate(level_bytes)]


def profile_quality(dataset: Dataset, images: int, *, seed: int = 0) -> pd.DataFrame:
    """Bytes and MS-SSIM per level over a sample, as ``pcr.quality.summarize`` lays it out."""
    level_bytes, level_ms_ssim = [], []
    sample = sample_images(dataset, images, seed)
    total = min(images, len(dataset))
    for info, jpegs in progress_bar(sample, total=total, unit=" images", desc="Measuring MS-SSIM"):
        level_bytes.append(list(accumulate(info.level_bytes)))
        level_ms_ssim.append(level_quality(jpegs))
    return summarize(level_bytes, level_ms_ssim)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)
