"""Selection: which images of a dataset the epochs draw, and how often each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import xxhash
from numpy.typing import ArrayLike, NDArray

from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.lazy import lazy

Subset: TypeAlias = ArrayLike | str
"""Positions of images in the dataset, a bool for each of its images, or a condition."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """The images that one epoch draws: positions in the dataset, ascending, with repeats.

    record_starts: int64 of shape (records + 1,): the position of each record's first image.
    """

    images: NDArray[np.int64]
    record_starts: NDArray[np.int64]

    @lazy
    def _ends(self) -> NDArray[np.int64]:
        return np.searchsorted(self.images, self.record_starts)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many images each record has to give: int64 of shape (records,)."""
        return np.diff(self._ends)

    def of_record(self, record: int) -> NDArray[np.int64]:
        """Shape (2, n): positions in the record, and how often the image came before."""
        images = self.images[self._ends[record] : self._ends[record + 1]]
        repeats = np.arange(len(images)) - np.searchsorted(images, images)
        return np.stack([images - self.record_starts[record], repeats])


@dataclass(frozen=True, eq=False)
class Selection:
    """Some images of a dataset, each once in an epoch, or as many draws among them by weight.

    images: int64 of shape (n,), positions in the dataset, ascending, none twice.
    record_starts: as of `Drawn`.
    weights: float64 of shape (n,), in any unit; None: each image once.
    groups: int64 of shape (n,); each group comes as often as its weights say, to within one draw.
    """

    images: NDArray[np.int64]
    record_starts: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """How many images an epoch draws."""
        return len(self.images)

    def draw(self, random: np.random.Generator) -> Drawn:
        """The images of an epoch."""
        if self.weights is None:
            return Drawn(self.images, self.record_starts)
        order = random.permutation(len(self))
        if self.groups is not None:
            order = order[np.argsort(self.groups[order], kind="stable")]
        counts = np.empty(len(self), dtype=np.int64)
        counts[order] = systematic_counts(self.weights[order], random.random())
        return Drawn(np.repeat(self.images, counts), self.record_starts)

    @lazy
    def checksum(self) -> str:
        """A short text that another selection does not have."""
        digest = xxhash.xxh3_64()
        for values in (self.images, self.weights, self.groups):
            digest.update(b"" if values is None else values.tobytes())
            digest.update(b"|")
        return digest.hexdigest()


def systematic_counts(weights: NDArray[np.float64], start: float) -> NDArray[np.int64]:
    """How often each of n weights is hit by n points at equal distances, the first at ``start``.

    Each count is the weight's share of n, rounded up or down, and on average over ``start`` in
    [0, 1) the share itself (systematic sampling: Madow, Annals of Mathematical Statistics 20, 1949).
    """
    ends = np.cumsum(weights)
    # Rounding must leave the last end where it is: so many draws there are, none of weight 0.
    shares = np.where(ends < ends[-1], ends / ends[-1] * len(ends), len(ends))
    hits = np.floor(np.minimum(shares + start, len(ends) + 0.5)).astype(np.int64)
    return np.diff(hits, prepend=np.int64(0))


def select(
    dataset: Dataset,
    subset: Subset | None = None,
    weights: ArrayLike | None = None,
    class_balanced: bool = False,
) -> Selection | None:
    """What a loader's arguments choose of a dataset; None: every image once.

    Raises UsageError where an argument makes no sense for the dataset.
    """
    if subset is None and weights is None and not class_balanced:
        return None
    images = np.arange(len(dataset)) if subset is None else _positions(subset, dataset)
    record_starts = np.cumsum([0, *dataset.record_sizes], dtype=np.int64)
    if not class_balanced:
        chosen = None if weights is None else _checked_weights(weights, len(dataset), images)
        return Selection(images, record_starts, chosen)
    if weights is not None:
        raise UsageError(
            "expected no weights beside `class_balanced`, which has its own", "weights"
        )
    labels = dataset.labels[images]
    return Selection(images, record_starts, 1 / np.bincount(labels)[labels], labels)


def _positions(subset: Subset, dataset: Dataset) -> NDArray[np.int64]:
    """The positions in a dataset, ascending, none twice."""
    count = len(dataset)
    chosen = _where(subset, dataset) if isinstance(subset, str) else np.asarray(subset)
    if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "biu"):
        raise UsageError(
            f"expected positions of images or a bool for each, found {chosen.dtype} of shape "
            f"{chosen.shape}",
            "subset",
        )
    if chosen.dtype.kind == "b":
        if len(chosen) != count:
            raise UsageError(
                f"expected a bool for each of {count} images, found {len(chosen)}", "subset"
            )
        chosen = np.flatnonzero(chosen)
    positions, counts = np.unique(chosen.astype(np.int64), return_counts=True)
    if not len(positions):
        raise UsageError("expected an image or more, found none", "subset")
    if positions[0] < 0 or positions[-1] >= count:
        found = positions[0] if positions[0] < 0 else positions[-1]
        raise UsageError(f"expected positions from 0 to {count - 1}, found {found}", "subset")
    if counts.max() > 1:
        twice = positions[counts.argmax()]
        raise UsageError(f"expected each image once, found {twice} again: see `weights`", "subset")
    return positions


def _where(condition: str, dataset: Dataset) -> NDArray[np.int64]:
    try:
        return dataset.where(condition)
    except UsageError as error:
        raise UsageError(error.reason, "subset") from None


def _checked_weights(
    weights: ArrayLike, count: int, images: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The weights of the chosen images of ``count``."""
    try:
        values = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError("expected numbers, found something else", "weights") from None
    if values.shape != (count,):
        raise UsageError(
            f"expected a number for each of {count} images, found shape {values.shape}", "weights"
        )
    chosen = values[images]
    if not (np.isfinite(chosen).all() and chosen.min() >= 0 and 0 < chosen.sum() < np.inf):
        raise UsageError(
            f"expected finite numbers from 0 on, not all of them 0, found {chosen.min()} to "
            f"{chosen.max()}",
            "weights",
        )
    return chosen
