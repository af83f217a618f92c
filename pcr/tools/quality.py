"""What the levels of a progressive JPEG look like, as multi-scale structural similarity (MS-SSIM).

Measured on luma, ITU-R BT.601 as Pillow's mode ``L``, of the image as Pillow decodes it: full size
(no draft mode), libjpeg's block smoothing on (its default), which hides some of the blockiness of
a JPEG whose AC coefficients have not all come yet.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pcr.errors import FormatError
from pcr.extension import native


def ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """MS-SSIM of two images: uint8 [height, width], or [height, width, 3] RGB.

    1 for equal images, never below 0. Wang, Simoncelli and Bovik (Asilomar 2003), five scales; what
    happens below 176 pixels and at odd sides says native/include/pcr/msssim.hpp. Raises ValueError
    where the sizes differ or an image is empty, TypeError for another dtype or shape.
    """
    return native.ms_ssim(_luma(a), _luma(b))


def decode_luma(jpeg: bytes) -> NDArray[np.uint8]:
    """The luma of an encoded image: uint8 [height, width]. Raises FormatError if it is damaged."""
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            return np.asarray(image.convert("L"))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise FormatError(f"expected an image that Pillow decodes, found: {error}") from None


def level_quality(jpegs: Sequence[bytes]) -> list[float]:
    """MS-SSIM of one image's levels against the last of them.

    ``jpegs`` are the complete JPEGs of level 1, 2, … and, last, the full level.
    """
    full = decode_luma(jpegs[-1])
    below = [ms_ssim(decode_luma(jpeg), full) for jpeg in jpegs[:-1]]
    return [*below, 1.0]


def summarize(
    level_bytes: Sequence[Sequence[int]], level_ms_ssim: Sequence[Sequence[float]]
) -> pd.DataFrame:
    """A sample of images as one row per level, ready for ``to_csv(index=False)``.

    Both arguments are [images, levels]: what a level costs (bytes of the JPEG up to it) and what
    it is worth (``level_quality``). Columns: level, mean_bytes, relative_bytes (to the last level),
    and the mean, 10th percentile and minimum of MS-SSIM over the images.
    """
    size = np.asarray(level_bytes, dtype=np.float64)
    quality = np.asarray(level_ms_ssim, dtype=np.float64)
    if size.shape != quality.shape or size.ndim != 2 or size.size == 0:
        raise ValueError(
            f"expected bytes and MS-SSIM as [images, levels], found {size.shape}, {quality.shape}"
        )
    mean_bytes = size.mean(axis=0)
    return pd.DataFrame(
        {
            "level": np.arange(1, size.shape[1] + 1),
            "mean_bytes": mean_bytes,
            "relative_bytes": mean_bytes / mean_bytes[-1],
            "ms_ssim_mean": quality.mean(axis=0),
            "ms_ssim_p10": np.percentile(quality, 10, axis=0),
            "ms_ssim_min": quality.min(axis=0),
        }
    )


def measure_levels(
    images: Iterable[tuple[bytes, Sequence[bytes]]], *, tries: int = 3
) -> pd.DataFrame:
    """Summarize images, each given as its baseline JPEG and the complete JPEGs of its levels.

    Columns as ``summarize``'s, but relative_bytes is to the baseline JPEGs, and behind them
    decode_rate, relative to the baseline's: Pillow to RGB, one thread, CPU time, the best of
    ``tries``. Without tries the column is missing.
    """
    baseline_bytes, baseline_seconds = 0, 0.0
    level_bytes, level_ms_ssim, level_seconds = [], [], []
    for baseline, jpegs in images:
        baseline_bytes += len(baseline)
        level_bytes.append([len(jpeg) for jpeg in jpegs])
        level_ms_ssim.append(level_quality(jpegs))
        if tries:
            baseline_seconds += decode_seconds(baseline, tries)
            level_seconds.append([decode_seconds(jpeg, tries) for jpeg in jpegs])
    table = summarize(level_bytes, level_ms_ssim)
    table["relative_bytes"] = table["mean_bytes"] * len(level_bytes) / baseline_bytes
    if tries:
        table["decode_rate"] = baseline_seconds / np.sum(level_seconds, axis=0)
    return table


def decode_seconds(jpeg: bytes, tries: int) -> float:
    """The least CPU seconds that decoding to RGB with Pillow takes."""
    best = float("inf")
    for _ in range(tries):
        begin = time.process_time()
        with Image.open(io.BytesIO(jpeg)) as image:
            image.convert("RGB")
        best = min(best, time.process_time() - begin)
    return best


def lowest_sufficient_level(summary: pd.DataFrame, threshold: float) -> int:
    """The lowest level from which on the mean MS-SSIM is at least ``threshold``."""
    insufficient = summary.loc[summary["ms_ssim_mean"] < threshold, "level"]
    return int(insufficient.max()) + 1 if len(insufficient) else 1


def _luma(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise TypeError(
            f"expected uint8 [height, width] or [height, width, 3], "
            f"found {image.dtype} of shape {image.shape}"
        )
    if image.ndim == 3:
        return np.asarray(Image.fromarray(image).convert("L"))
    return np.ascontiguousarray(image)
