"""LevelMix: the levels at which records are read: one, or several drawn by weight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pcr.dataset.record import check_level
from pcr.errors import UsageError

Scans: TypeAlias = int | Mapping[int, float]
"""How many levels are read: a number, or a weight for each of several."""


@dataclass(frozen=True)
class LevelMix:
    """Levels and their shares of the records, which sum to 1."""

    shares: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, n_scans: Scans | None, levels: int) -> LevelMix:
        """``n_scans`` of a dataset that has so many levels; None: all of them.

        Raises UsageError where there is no such level, or a weight that makes no sense.
        """
        weights = _numbered(n_scans) if isinstance(n_scans, Mapping) else {n_scans: 1.0}
        checked = [(check_level(k, levels, "n_scans"), w) for k, w in weights.items()]
        for _, weight in checked:
            if not (isinstance(weight, int | float) and 0 < weight < math.inf):
                raise UsageError(f"expected weights above 0, found {weight!r}", "n_scans")
        if not checked:
            raise UsageError("expected a level or more, found none", "n_scans")
        total = math.fsum(weight for _, weight in checked)
        return cls(tuple((level, weight / total) for level, weight in sorted(checked)))

    @property
    def n_scans(self) -> int | dict[int, float]:
        """As it is given: the level, or the share of each."""
        return self.shares[0][0] if len(self.shares) == 1 else dict(self.shares)

    def draw(self, random: np.random.Generator) -> int:
        """The level of one record."""
        levels, shares = zip(*self.shares, strict=True)
        return int(random.choice(levels, p=shares))


def _numbered(weights: Mapping[Any, float]) -> dict[Any, float]:
    """Weights by number, whose keys JSON has turned into text."""
    return {
        int(key) if isinstance(key, str) and key.isdigit() else key: weight
        for key, weight in weights.items()
    }
