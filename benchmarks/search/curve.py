"""How far networks diverge over the bytes of a ladder's levels, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from search.bands import Table
from search.costs import Costs
from search.photographs import Photographs

BUDGETS = np.geomspace(0.06, 0.6, 24)  # shares of the sources' bytes, of which the score is made
SHOWN_BUDGETS = (0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
LOSSES = 5  # a divergence above the start's counts as often again
LEAST = 1e-5  # divergences below are noise
_RESAMPLES = 400


class Curve(NamedTuple):
    """Shares of the bytes from 0 to the last level's, and divergences (shares, images, networks)."""

    shares: NDArray[np.float64]
    divergences: NDArray[np.float64]

    def at(
        self, budgets: Sequence[float] | NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Means over the images by weights (samples, images): (samples, budgets, networks).

        They are interpolated linearly between levels, which is what reading some records at one
        level and some at the next gives.
        """
        means = np.einsum("si,pin->spn", weights, self.divergences)
        points = np.eye(len(self.shares))
        shares = np.stack([np.interp(budgets, self.shares, point) for point in points], axis=1)
        return (shares @ means).clip(LEAST)

    def at_budgets(self) -> NDArray[np.float64]:
        """Means over the images at BUDGETS: (budgets, networks)."""
        images = self.divergences.shape[1]
        means: NDArray[np.float64] = self.at(BUDGETS, np.full((1, images), 1 / images))[0]
        return means

    def share_better(self, before: Curve, start: Curve) -> float:
        """In what share of resamples of the images (bootstrap) this scores lower than ``before``."""
        weights = _resamples(self.divergences.shape[1])
        own, other, first = (curve.at(BUDGETS, weights) for curve in (self, before, start))
        return float((score(own, first) < score(other, first)).mean())


def score(divergences: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean logarithm of the ratio to the start's, increases counted more; lower is better.

    Divergences at BUDGETS: (…, budgets, networks).
    """
    logarithms = np.log(divergences / start)
    mean: NDArray[np.float64] = (logarithms + LOSSES * logarithms.clip(0)).mean(axis=(-2, -1))
    return mean


def curve_of(table: Table, photographs: Photographs, costs: Costs) -> Curve:
    """The measured curve of a ladder, by the states in which its levels end."""
    levels = [photographs.divergences(state) for state in table]
    blank = photographs.blank_divergences()
    divergences = np.stack([blank, *levels, np.zeros_like(blank)])
    return Curve(np.array([0, *costs.of(table).shares]), divergences)


def compare(before: Curve, after: Curve, networks: Sequence[str]) -> pd.DataFrame:
    """Both at SHOWN_BUDGETS: a row for each network and budget.

    Columns: network, budget, before, after, ratio, and low and high, the ends of the ratio's 95 %
    interval, by resamples of the images.
    """
    images = before.divergences.shape[1]
    means = np.full((1, images), 1 / images)
    weights = _resamples(images)
    old, new = (curve.at(SHOWN_BUDGETS, means)[0] for curve in (before, after))
    ratios = after.at(SHOWN_BUDGETS, weights) / before.at(SHOWN_BUDGETS, weights)
    low, high = np.quantile(ratios, (0.025, 0.975), axis=0)
    values = {"before": old, "after": new, "ratio": new / old, "low": low, "high": high}
    index = pd.MultiIndex.from_product([networks, SHOWN_BUDGETS], names=["network", "budget"])
    columns = {name: value.T.ravel() for name, value in values.items()}
    return pd.DataFrame(columns, index=index).reset_index()


def _resamples(images: int) -> NDArray[np.float64]:
    """Weights of images (resamples, images), the same each time."""
    random = np.random.default_rng(0)
    return random.multinomial(images, np.full(images, 1 / images), _RESAMPLES) / images
