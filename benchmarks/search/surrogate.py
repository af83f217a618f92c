"""A guess of divergences at states that were not measured, from those that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from search.bands import MOST_BITS, State
from search.curve import LEAST

_EXPONENTS = (0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0)


class Surrogate:
    """Guesses logarithms of networks' mean divergences.

    A divergence is taken for a power of a weighted sum of distortions, one for each band. Weights
    and exponent are those that fit best, by relative error; the residual of the measured state that
    is most similar is added.
    """

    def __init__(
        self, distortions: NDArray[np.float64], measured: Mapping[State, NDArray[np.float64]]
    ) -> None:
        """``distortions``, ``measured``: as those of Photographs."""
        self._distortions = distortions / distortions.max(axis=1, keepdims=True).clip(1e-9)
        self._states = np.array(list(measured))
        means = np.array([found.mean(axis=0) for found in measured.values()])
        logarithms = np.log(means.clip(LEAST))
        features = self._features(self._states)
        self._fits = [_fit(features, column) for column in logarithms.T]
        self._residuals = logarithms - self._fitted(features)

    def log_divergences(self, states: Sequence[State]) -> NDArray[np.float64]:
        """(states, networks)."""
        features = self._features(np.array(states))
        differences = features[:, None] - self._features(self._states)[None]
        nearest = np.abs(differences).sum(axis=2).argmin(axis=1)
        return self._fitted(features) + self._residuals[nearest]

    def _features(self, states: NDArray[np.int_]) -> NDArray[np.float64]:
        return self._distortions[np.arange(states.shape[1]), states.clip(max=MOST_BITS + 1)]

    def _fitted(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = [
            exponent * np.log((features @ weights).clip(1e-9)) for weights, exponent in self._fits
        ]
        return np.stack(columns, axis=1)


def _fit(
    features: NDArray[np.float64], logarithms: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights and exponent."""
    found = []
    for exponent in _EXPONENTS:
        root = np.exp(logarithms / exponent)
        weights, _ = nnls(features / root[:, None], np.ones(len(root)))
        guess = exponent * np.log((features @ weights).clip(1e-9))
        found.append((np.square(guess - logarithms).sum(), exponent, weights))
    _, exponent, weights = min(found, key=lambda fit: fit[0])
    return weights, exponent
