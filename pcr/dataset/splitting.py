"""Splitting: the images of a dataset in parts of given sizes, drawn by the hashes of their names."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

from pcr.arguments import check_at_least, check_numbers
from pcr.errors import UsageError


def split(
    names: Sequence[str], labels: NDArray[np.int64], fractions: Sequence[float], seed: int
) -> tuple[NDArray[np.int64], ...]:
    """Positions of the images of each part, ascending: int64 arrays, as many as ``fractions``.

    labels: int64 of shape (images,); each label is divided alike: the first part has its share to
    within an image, each further one its share of the rest to within two. Raises UsageError for
    fractions that are not positive or don't sum to 1.
    """
    check_at_least(0, seed=seed)
    check_numbers(len(fractions), fractions=fractions)
    if not fractions or min(fractions) <= 0 or not math.isclose(sum(fractions), 1, abs_tol=1e-9):
        raise UsageError(
            f"expected positive numbers whose sum is 1, found {fractions}", "fractions"
        )
    hashes = [xxhash.xxh3_64_intdigest(os.fsencode(name), seed) for name in names]
    rest = np.lexsort((np.array(hashes, dtype=np.uint64), labels))
    parts = []
    for place, fraction in enumerate(fractions[:-1]):
        share = fraction / sum(fractions[place:])
        # This part makes up for what rounding gave to those before it or took from them.
        owed = len(names) * sum(fractions[:place]) - (len(names) - len(rest))
        share += owed * (1 - share) / max(len(rest), 1)
        taken = _first_of_each(labels[rest], share)
        parts.append(np.sort(rest[taken]))
        rest = rest[~taken]
    return (*parts, np.sort(rest))


def _first_of_each(labels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Which of images that are sorted by label are the first ``share`` of their label."""
    _, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    # Ends are rounded, not sizes: so the sum is right too, however many labels there are.
    sizes = np.diff(np.floor(np.cumsum(counts) * share + 0.5), prepend=0)
    ranks = np.arange(len(labels)) - np.repeat(starts, counts)
    return np.asarray(ranks < np.repeat(sizes, counts))
