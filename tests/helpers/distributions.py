"""How well counts agree with the distribution that they should come from."""

from __future__ import annotations

import numpy as np


def chi_square(counts: np.ndarray, weights: np.ndarray) -> float:
    """How far counts are from those that weights lead to expect, in standard deviations."""
    expected = counts.sum() * weights / weights.sum()
    freedom = counts.size - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom))
