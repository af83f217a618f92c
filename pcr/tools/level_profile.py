"""What levels cost and are worth: bytes, MS-SSIM and decode rates of a sample of images."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from pcr.atomic import atomic_path
from pcr.dataset.reader import Dataset
from pcr.extension import native
from pcr.progress import progress_bar
from pcr.tools.quality import level_quality
from pcr.tools.samples import LevelImage, sample_images, to_baseline


@dataclass(frozen=True)
class LevelProfile:
    """What the levels of a sample of images cost and are worth.

    table: one row per level, with the columns level, mean_bytes (of the JPEG up to the level),
        share (of the bytes of the source files), ms_ssim_mean, ms_ssim_p10 and ms_ssim_min (over the
        images, against the last level), and for each decoder <decoder>_rate: images per second,
        relative to those of the same decoder on the same images as baseline JPEGs. With a network,
        also kl_mean (the mean Kullback-Leibler divergence, in nats, of its predictions from those
        at the last level) and same_class (the share of images whose most likely class is the same).
    sources_known: False where share is of the last level's bytes, because the dataset does not say
        how large its sources were.
    baseline_rate: images per second of each decoder on baseline JPEGs: one thread, CPU time.
    """

    table: pd.DataFrame
    sources_known: bool
    baseline_rate: dict[str, float] = field(default_factory=dict)


# Log-probabilities (N, classes) of images uint8 (height, width, 3).
Predict = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float64]]


def profile_levels(
    dataset: Dataset,
    images: int,
    *,
    seed: int = 0,
    tries: int = 3,
    progress: bool = True,
    predict: Predict | None = None,
) -> LevelProfile:
    """Measure the levels of a dataset on up to ``images`` of its images, as ``measure_levels``."""
    bar = progress_bar(
        sample_images(dataset, images, seed),
        total=min(images, len(dataset)),
        unit=" images",
        desc="Measuring",
        disable=not progress,
    )
    profile = measure_levels(bar, tries=tries, predict=predict)
    profile.table.insert(0, "ladder", dataset.info.ladder_name)
    return profile


def measure_levels(
    images: Iterable[LevelImage], *, tries: int = 3, predict: Predict | None = None
) -> LevelProfile:
    """Measure images at all of their levels; decode rates are the best of ``tries``, none for 0.

    ``predict`` is a network, which sees the images as the loader's decoder gives them.

    Raises FormatError, naming the image and its record, where one is damaged.
    """
    level_bytes, level_ms_ssim, source_bytes, seconds, predictions = [], [], [], [], []
    for image in images:
        with image.named_errors():
            level_ms_ssim.append(level_quality(image.jpegs))
            seconds.append(_decode_seconds(image, tries))
            if predict:
                predictions.append(predict([_decode_as_loaded(jpeg) for jpeg in image.jpegs]))
        level_bytes.append([len(jpeg) for jpeg in image.jpegs])
        source_bytes.append(image.source_bytes)
    table, known = summarize(level_bytes, level_ms_ssim, source_bytes), all(source_bytes)
    if predict:
        table["kl_mean"], table["same_class"] = compare_predictions(np.stack(predictions))
    if not tries:
        return LevelProfile(table, known)
    of_decoder = dict(zip(DECODERS, np.sum(seconds, axis=0), strict=True))
    for decoder, (baseline, *levels) in of_decoder.items():
        table[f"{decoder}_rate"] = baseline / np.array(levels)
    return LevelProfile(table, known, {d: len(seconds) / row[0] for d, row in of_decoder.items()})


def summarize(
    level_bytes: Sequence[Sequence[int]],
    level_ms_ssim: Sequence[Sequence[float]],
    source_bytes: Sequence[int],
) -> pd.DataFrame:
    """A sample of images as one row per level, with the first columns of ``LevelProfile.table``.

    ``level_bytes`` and ``level_ms_ssim`` are [images, levels], ``source_bytes`` is [images]; where
    one of these is 0, shares are of the last level.
    """
    size = np.asarray(level_bytes, dtype=np.float64)
    quality = np.asarray(level_ms_ssim, dtype=np.float64)
    if size.shape != quality.shape or size.ndim != 2 or size.size == 0:
        raise ValueError(
            f"expected bytes and MS-SSIM as [images, levels], found {size.shape}, {quality.shape}"
        )
    mean_bytes = size.mean(axis=0)
    whole = np.mean(source_bytes) if all(source_bytes) else mean_bytes[-1]
    return pd.DataFrame(
        {
            "level": np.arange(1, size.shape[1] + 1),
            "mean_bytes": mean_bytes,
            "share": mean_bytes / whole,
            "ms_ssim_mean": quality.mean(axis=0),
            "ms_ssim_p10": np.percentile(quality, 10, axis=0),
            "ms_ssim_min": quality.min(axis=0),
        }
    )


def compare_predictions(
    log_probabilities: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How predictions at each level differ from those at the last: (images, levels, classes) in.

    The mean over images of the Kullback-Leibler divergence from the last level's, and the share of
    images with the same most likely class, both (levels,).
    """
    full = log_probabilities[:, -1:]
    same = log_probabilities.argmax(axis=2) == full.argmax(axis=2)
    return kl_divergence(full, log_probabilities).mean(axis=0).clip(min=0), same.mean(axis=0)


def kl_divergence(full: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Kullback-Leibler divergence, in nats, of ``other`` from ``full``, over the last axis.

    Both are log-probabilities (…, classes).
    """
    divergence: NDArray[np.float64] = (np.exp(full) * (full - other)).sum(axis=-1)
    return divergence


def recommend(table: pd.DataFrame, threshold: float, most_kl: float) -> tuple[int, str]:
    """The level to start with, and the reason for it: by a network, or without one by MS-SSIM."""
    if "kl_mean" in table:
        return recommend_by_kl(table, most_kl)
    return recommend_by_similarity(table, threshold)


def lowest_sufficient_level(table: pd.DataFrame, threshold: float) -> int:
    """The lowest level from which on the mean MS-SSIM is at least ``threshold``."""
    insufficient = table.loc[table["ms_ssim_mean"] < threshold, "level"]
    return int(insufficient.max()) + 1 if len(insufficient) else 1


def recommend_by_kl(table: pd.DataFrame, most_kl: float) -> tuple[int, str]:
    """The lowest level from which on a network's predictions stay close, and the reason for it."""
    insufficient = table.loc[table["kl_mean"] > most_kl, "level"]
    level = int(insufficient.max()) + 1 if len(insufficient) else 1
    row = table.iloc[level - 1]
    return level, (
        f"Start with --n_scans {level}, the lowest level with a KL divergence <= {most_kl:g}: "
        f"{row.kl_mean:.3f} at {row.share:.3f} of the bytes, and the same class for "
        f"{100 * row.same_class:.0f} % of the images. A network that is trained at a level can get "
        "used to it, so lower levels may do as well: let --n_scans auto compare gradients."
    )


def recommend_by_similarity(table: pd.DataFrame, threshold: float) -> tuple[int, str]:
    """The level to start with, as `lowest_sufficient_level`, and the reason for it."""
    level = lowest_sufficient_level(table, threshold)
    row = table.iloc[level - 1]
    higher = f" and {level + 1}" if level < len(table) else ""
    return level, (
        f"Start with --n_scans {level}, the lowest level with MS-SSIM >= {threshold:g}: "
        f"{row.ms_ssim_mean:.4f} at {row.share:.3f} of the bytes. MS-SSIM does not see all that a "
        "network sees: --model recommends by what one predicts. To be sure, train for some epochs "
        f"with --n_scans {level}{higher} and compare the accuracy, or let --n_scans auto compare "
        "gradients."
    )


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def _decode_seconds(image: LevelImage, tries: int) -> list[list[float]]:
    """Least CPU seconds of each decoder for the baseline JPEG and for each level."""
    if not tries:
        return []
    variants = [to_baseline(image.jpegs[-1]), *image.jpegs]
    return [[_least_seconds(d, jpeg, tries) for jpeg in variants] for d in DECODERS.values()]


def _least_seconds(decode: Callable[[bytes], object], jpeg: bytes, tries: int) -> float:
    best = float("inf")
    for _ in range(tries):
        begin = time.process_time()
        decode(jpeg)
        best = min(best, time.process_time() - begin)
    return best


def _decode_with_pillow(jpeg: bytes) -> object:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.convert("RGB")


# As they are used for training: both smooth blocks.
_decode_as_loaded = partial(native.decode_rgb, block_smoothing=True)
DECODERS: dict[str, Callable[[bytes], object]] = {
    "loader": _decode_as_loaded,
    "pillow": _decode_with_pillow,
}
