"""Types of columns: texts, values, bytes, and bytes that a stranger made."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pcr.dataset.column_types import ColumnType
from pcr.dataset.columns import Column, check_schema
from pcr.errors import FormatError, UsageError

NUMBERS = ("bool", "int8", "uint8", "int16", "uint32", "int64", "float16", "float32", "float64")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(),
    "bytes": st.binary(),
    "json": JSON,
}


def decoded(type: ColumnType, values: Sequence[Any]) -> Any:
    return type.decode(type.encode(values), len(values), "here")


@st.composite
def typed_arrays(draw: st.DrawFn) -> tuple[ColumnType, list[np.ndarray[Any, Any]]]:
    """A type of numbers, and some values of it."""
    shape = draw(st.lists(st.none() | st.integers(1, 3), max_size=3))
    type = ColumnType(draw(st.sampled_from(NUMBERS)), tuple(shape))
    values = []
    for _ in range(draw(st.integers(0, 4))):
        sizes = tuple(draw(st.integers(0, 3)) if size is None else size for size in shape)
        values.append(draw(arrays.arrays(type.kind, sizes)))
    return type, values


@given(typed_arrays())
@settings(max_examples=150)
def test_numbers_come_back_as_they_were(case: tuple[ColumnType, list[Any]]) -> None:
    type, values = case
    found = decoded(ColumnType.parse(str(type)), values)
    assert len(found) == len(values)
    assert isinstance(found, list) == (None in type.shape)
    for ours, theirs in zip(found, values, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        assert np.array_equal(ours, theirs, equal_nan=type.kind.startswith("float"))


@pytest.mark.parametrize("kind", TEXTS)
@given(data=st.data())
@settings(max_examples=60)
def test_texts_come_back_as_they_were(kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(TEXTS[kind], max_size=5))
    assert decoded(ColumnType(kind), values) == values


def test_an_array_of_all_values_is_the_same_as_its_values() -> None:
    type, values = ColumnType.parse("float32[2]"), np.arange(6.0).reshape(3, 2)
    assert type.encode(values) == type.encode(list(values)) == values.astype("<f4").tobytes()


@pytest.mark.parametrize(
    "text",
    ["", "int", "int65", "str[3]", "json[?]", "float32[]", "float32[0]", "float32[-1]", "int8[4]x",
     "float32[4,]", "float64[1000000000]", "int8[?,?,?,?,?,?,?,?,?]", "Int64", "int64 ", "int8[?1]"],
)  # fmt: skip
def test_texts_that_are_no_type_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="type: expected a type such as") as refused:
        ColumnType.parse(text)
    assert refused.value.parameter == "type"


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("int64", 1.0), ("int64", True), ("int64", "1"), ("int64", None), ("int8", 128),
        ("uint8", -1), ("int64", 2**63), ("bool", 1), ("float32", 1e39), ("float64", "x"),
        ("float32", None), ("float32[4]", [1, 2, 3]), ("float32[?,4]", [1, 2, 3, 4]),
        ("float32[?,4]", [[1, 2], [3]]), ("int64[?]", [1.5]), ("int64[?]", 3), ("str", b"x"),
        ("str", None), ("str", "\udcff"), ("bytes", "x"), ("json", {1}), ("json", math.nan),
        ("json", b"x"), ("uint8[?,?,?]", np.zeros((0, 40000, 40000), np.uint8)),
    ],
)  # fmt: skip
def test_values_of_another_type_are_refused(type: str, value: object) -> None:
    with pytest.raises(FormatError, match=r"^expected \w") as refused:
        ColumnType.parse(type).check(value)
    assert str(refused.value).startswith(f"expected {type}, found ")
    assert len(str(refused.value)) < 120
    with pytest.raises(FormatError, match=r"^value 0: expected"):
        ColumnType.parse(type).encode([value])


@pytest.mark.parametrize(
    ("type", "value", "stored"),
    [
        ("float32", 1, np.float32(1)), ("float64", np.float32(0.5), 0.5), ("int8", np.int64(3), 3),
        ("float32[?,4]", [], np.zeros((0, 4))), ("bool", np.True_, True), ("float32", math.inf, math.inf),
    ],
)  # fmt: skip
def test_numbers_may_come_in_another_width(type: str, value: object, stored: object) -> None:
    assert np.array_equal(decoded(ColumnType.parse(type), [value])[0], stored)


@pytest.mark.parametrize(
    "text", ["int64", "bool", "float32[4]", "float32[?,4]", "uint8[?,?]", "str", "json", "bytes"]
)
@given(data=st.binary(max_size=60), images=st.integers(0, 6))
@settings(max_examples=80)
def test_any_bytes_are_values_or_refused(text: str, data: bytes, images: int) -> None:
    type = ColumnType.parse(text)
    try:
        found = type.decode(data, images, "there")
    except FormatError as error:
        assert str(error).startswith("there: ")
    else:
        assert len(found) == images
        assert text == "json" or type.encode(list(found)) == data  # JSON may hold blanks


@pytest.mark.parametrize("sizes", [[2**32 - 1] * 3, [2**31, 2, 0], [0, 2**32 - 1, 2**32 - 1]])
def test_sizes_that_promise_too_much_allocate_nothing(sizes: list[int]) -> None:
    type, data = ColumnType.parse("float64[?,?,?]"), np.array(sizes, dtype="<u4").tobytes()
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="here: expected values of"):
            type.decode(data, 1, "here")
        with pytest.raises(FormatError, match="here: expected the sizes of 1048576 values"):
            type.decode(data, 2**20, "here")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_json_that_is_nested_too_deeply_is_refused() -> None:
    text = b"[" * 100_000
    data = np.array([len(text)], dtype="<u4").tobytes() + text
    with pytest.raises(FormatError, match="here: value 0: "):
        ColumnType("json").decode(data, 1, "here")


@pytest.mark.parametrize(
    "name",
    ["", "1st", "a-b", "a b", "ä", "x" * 64, "label", "name", "images", "index", "a.b", "a\n"],
)
def test_names_that_no_column_can_have(name: str) -> None:
    with pytest.raises(UsageError, match="expected "):
        Column.of(name, "int64")


def test_names_differ_in_more_than_case() -> None:
    with pytest.raises(UsageError, match="expected different names of columns, found 'A' twice"):
        check_schema([Column.of("A", "str"), Column.of("a", "str")])


@pytest.mark.parametrize(
    ("type", "beside"),
    [("bytes", True), ("float32[1024]", False), ("float32[1025]", True), ("uint8[?,?]", False),
     ("str", False), ("int64", False)],
)  # fmt: skip
def test_where_a_column_lies_follows_from_its_type(type: str, beside: bool) -> None:
    assert Column.of("x", type).beside is beside
    assert Column.of("x", type, beside=not beside).beside is not beside
