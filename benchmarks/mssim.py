#!/usr/bin/env python3
"""Image pairs per second of pcr's MS-SSIM and of the same on SciPy's fftconvolve, one thread each."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import machine
import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from pcr.tools.quality import ms_ssim

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def scipy_ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """MS-SSIM as NumPy programs do it: five moments, each filtered with one FFT convolution."""
    distance = np.arange(-5, 6)
    window = np.exp(-(distance[:, None] ** 2 + distance**2) / (2 * 1.5**2))
    window /= window.sum()
    x, y = a.astype(np.float64), b.astype(np.float64)
    result = 1.0
    for scale, weight in enumerate(WEIGHTS, start=1):
        mean_x, mean_y, xx, yy, xy = (
            fftconvolve(moment, window, mode="valid") for moment in (x, y, x * x, y * y, x * y)
        )
        variances = xx - mean_x**2 + yy - mean_y**2
        term = (2 * (xy - mean_x * mean_y) + C2) / (variances + C2)
        if scale == len(WEIGHTS):
            term *= (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
        result *= max(term.mean(), 0.0) ** weight
        x, y = halved(x), halved(y)
    return float(result)


def halved(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """2x2 averages; an odd side repeats its last row or column."""
    even = np.pad(image, [(0, side % 2) for side in image.shape], mode="edge")
    return even.reshape(even.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))


def pairs_per_second(measure: Callable[[], float], seconds: float) -> float:
    """The rate of ``measure``, called for at least ``seconds`` seconds after one call to warm up."""
    measure()
    calls, begin = 0, time.perf_counter()
    while time.perf_counter() < begin + seconds:
        measure()
        calls += 1
    return calls / (time.perf_counter() - begin)


def main() -> None:
    """Measure both on noisy smooth images of one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=375)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    args = parser.parse_args()
    random = np.random.default_rng(0)
    a = random.integers(0, 256, (args.height, args.width), dtype=np.uint8)
    b = np.clip(a + random.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    print(machine.describe("numpy", "scipy"))
    print(f"{args.width}x{args.height}: pcr {ms_ssim(a, b):.6f}, SciPy {scipy_ms_ssim(a, b):.6f}")
    native = pairs_per_second(lambda: ms_ssim(a, b), args.seconds)
    scipy = pairs_per_second(lambda: scipy_ms_ssim(a, b), args.seconds)
    print(f"pairs/s: pcr {native:.1f}, SciPy {scipy:.1f}, ratio {native / scipy:.1f}")


if __name__ == "__main__":
    main()
