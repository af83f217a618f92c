"""A small dataset with columns of every kind, within the records and beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers import records
from pcr.dataset.columns import Column
from pcr.dataset.reader import Dataset

SIZES = (5, 3)
COLUMNS: dict[Column, list[Any]] = {
    Column.of("weight", "float32"): [0.5 * i for i in range(8)],
    Column.of("caption", "str"): ["Füße" * i for i in range(8)],
    Column.of("boxes", "float32[?,4]"): [np.full((i % 3, 4), i) for i in range(8)],
    Column.of("facts", "json"): [None, {"a": [1, "b"]}, 3, [], "x", True, {}, -1.5],
    Column.of("original", "bytes"): [bytes([i]) * i * 1000 for i in range(8)],
    Column.of("mask", "uint8[?,?]"): [np.full((i, 8 - i), i) for i in range(8)],
    Column.of("embedding", "float64[600]"): [np.arange(600) + i for i in range(8)],
}
COLUMNS = dict(sorted(COLUMNS.items(), key=lambda item: item[0].beside))
WITHIN = [column.name for column in COLUMNS if not column.beside]
BESIDE = [column.name for column in COLUMNS if column.beside]
NAMES = [*WITHIN, *BESIDE]


def make_dataset(root: Path) -> Dataset:
    """A dataset of two records that has all of these columns."""
    return records.make_dataset(root, SIZES, columns=COLUMNS)


def assert_values(found: Sequence[Any], column: str, first: int) -> None:
    """Assert that these are the values of the column from image ``first`` on."""
    expected = next(values for key, values in COLUMNS.items() if key.name == column)[first:]
    for ours, theirs in zip(found, expected, strict=False):
        assert np.array_equal(ours, theirs), column
