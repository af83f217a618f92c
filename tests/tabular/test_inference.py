"""Which types are found in the values of a column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pcr.tabular.inference import guess_texts, infer_type


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "str"),
        ([1, 2], "int64"),
        ([1, 2.5], "float64"),
        ([True, False], "bool"),
        ([True, 1], "json"),
        ([2**63], "json"),
        (["a", "b"], "str"),
        (["a", None], "json"),
        ([b"a"], "bytes"),
        ([{"a": 1}], "json"),
        ([[1, 2], [3, 4]], "int64[2]"),
        ([[1, 2], [3.5]], "float64[?]"),
        ([[], [1]], "int64[?]"),
        ([[1], []], "int64[?]"),
        ([[], []], "json"),
        ([[], 1], "json"),
        ([[[1, 2, 3, 4]], [[1.5, 2, 3, 4], [0, 0, 1, 1]]], "float64[?,4]"),
        ([[], [[1, 2]], [[1, 2], [3, 4]]], "int64[?,2]"),
        ([[], [], [[1, 2]]], "int64[?,2]"),
        ([[[1], [2, 3]]], "json"),
        ([["a", "b"]], "json"),
        ([[1], [[1]]], "json"),
        ([np.float32(1)], "float32"),
        ([np.zeros((2, 3), np.uint8), np.zeros((2, 4), np.uint8)], "uint8[2,?]"),
        ([np.zeros((0, 4))], "float64[?,4]"),
        ([np.int32(1), np.int64(2)], "int64"),
        ([np.array(["a"])], "json"),
    ],
)
def test_types(values: list[Any], expected: str) -> None:
    assert infer_type(values) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-2"], [1, -2]),
        (["1", "2.5", "-1e3"], [1.0, 2.5, -1000.0]),
        (["1.", ".5", "inf"], [1.0, 0.5, float("inf")]),
        (["007", "1"], ["007", "1"]),
        (["007.5"], ["007.5"]),
        (["1" * 19], ["1" * 19]),
        (["True", "false"], [True, False]),
        (["1", ""], ["1", ""]),
        (["1", "x"], ["1", "x"]),
        ([], []),
    ],
)
def test_texts(texts: list[str], expected: list[Any]) -> None:
    assert guess_texts(texts) == expected
