"""JpegBatch: the images of a batch as they lie in storage, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnValues


@dataclass(frozen=True)
class JpegBatch:
    """JPEGs as they lie in storage: uint8 arrays of shape (bytes,).

    labels: int64 of shape (n,). images: int64 of shape (n,), each image's position in the data set.
    draws: int64 of shape (n,), numbers that no two draws of an epoch share, on which their random
    numbers depend; the positions, where the epoch has every image once.
    columns: the values of those that were asked for.
    """

    jpegs: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]
    images: NDArray[np.int64]
    draws: NDArray[np.int64]
    columns: Mapping[str, ColumnValues] = field(default_factory=dict)

    def only(self, place: int) -> JpegBatch:
        """The batch of one of its images."""
        one = slice(place, place + 1)
        columns = {name: values[one] for name, values in self.columns.items()}
        return JpegBatch(
            self.jpegs[one], self.labels[one], self.images[one], self.draws[one], columns
        )
