"""Confidence intervals of what trainings with several seeds came to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import linregress, t

CONFIDENCE = 0.95


def paired_difference(change: NDArray[np.float64]) -> tuple[float, float]:
    """The mean of differences (seeds, images), and half of its confidence interval.

    Seeds and images are both samples, and every network sees every image: the design of readers
    who judge cases. So this is the analysis of variance of Dorfman, Berbaum and Metz, with Hillis's
    degrees of freedom (Statistics in Medicine 26, 2007, https://doi.org/10.1002/sim.2532). One seed
    says nothing about others: its interval is NaN.
    """
    seeds, images = change.shape
    mean, of_seeds, of_images = change.mean(), change.mean(axis=1), change.mean(axis=0)
    if seeds == 1:
        return mean, float("nan")
    rest = change - of_seeds[:, None] - of_images + mean
    over_seeds = images * of_seeds.var(ddof=1)
    over_images = seeds * of_images.var(ddof=1)
    over_both = (rest**2).sum() / ((seeds - 1) * (images - 1))
    variance = over_seeds + max(over_images - over_both, 0)
    if not variance:
        return mean, 0.0
    freedom = (seeds - 1) * (variance / over_seeds) ** 2 if over_seeds else np.inf
    return mean, _quantile(freedom) * (variance / (seeds * images)) ** 0.5


def mean_slope(lines: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[float, float]:
    """The mean slope of lines through (x, y), one for each seed, and half of its interval."""
    slopes = [linregress(x, y).slope for x, y in lines]
    if len(slopes) < 2:
        return float(np.mean(slopes)), float("nan")
    half = _quantile(len(slopes) - 1) * np.std(slopes, ddof=1) / len(slopes) ** 0.5
    return float(np.mean(slopes)), float(half)


def _quantile(freedom: float) -> float:
    return float(t.ppf((1 + CONFIDENCE) / 2, freedom))
