"""Which type the values of a column have: what `ColumnType` calls it, found by looking at all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

# A type before it is written down: a kind, and the shape of arrays (None: of any length). The shape
# of an empty list is (None, ...): of its other dimensions nothing is known.
_Shape: TypeAlias = tuple[Any, ...]
_Found: TypeAlias = tuple[str, _Shape]

_JSON: _Found = ("json", ())
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DIGITS = r"(0|[1-9][0-9]*)"
_REAL = rf"{_DIGITS}\.[0-9]*(e[+-]?[0-9]+)?|\.[0-9]+(e[+-]?[0-9]+)?|{_DIGITS}e[+-]?[0-9]+|inf"
_NUMBER = re.compile(rf"{_INTEGER.pattern}|[+-]?({_REAL})|nan", re.IGNORECASE)
_TRUTHS = {"true": True, "false": False}


def infer_type(values: Iterable[Any]) -> str:
    """The narrowest type that holds all values, as `ColumnType` writes it: ``float64[?,4]``.

    Lists of numbers are arrays; a dimension in which they differ is ``?``. ``json`` for anything
    that is None, nested otherwise, or mixed; ``str`` where there are no values.
    """
    found = list({_type_of(value): None for value in values})
    if not found:
        return "str"
    kind, shape = reduce(_joined, found)
    if ... in shape:  # nothing but empty lists
        return "json"
    sizes = (str(size) if size else "?" for size in shape)
    return kind + (f"[{','.join(sizes)}]" if shape else "")


def guess_texts(texts: Sequence[str]) -> list[Any]:
    """The texts of a CSV file's column as integers, numbers or truth values, if all of them are such.

    Whole numbers that would lose something, such as 007, remain texts.
    """
    for pattern, convert in ((_INTEGER, int), (_NUMBER, float)):
        if texts and all(map(pattern.fullmatch, texts)):
            return list(map(convert, texts))
    if texts and all(text.lower() in _TRUTHS for text in texts):
        return [_TRUTHS[text.lower()] for text in texts]
    return list(texts)


def _type_of(value: Any) -> _Found:
    if isinstance(value, np.ndarray):
        return (value.dtype.name, value.shape) if value.dtype.kind in "biuf" else _JSON
    if isinstance(value, np.generic):
        return (value.dtype.name, ()) if value.dtype.kind in "biuf" else _type_of(value.item())
    if isinstance(value, list | tuple):
        return _type_of_list(value)
    if isinstance(value, bool):
        return "bool", ()
    if isinstance(value, int):
        return ("int64", ()) if -(2**63) <= value < 2**63 else _JSON
    return {float: "float64", str: "str", bytes: "bytes"}.get(type(value), "json"), ()


def _type_of_list(values: Sequence[Any]) -> _Found:
    """An array's type, or JSON's: for lists of texts, and for lists of unequal lists."""
    if not len(values):
        return "", (0, ...)
    kinds = {_type_of(value) for value in values}
    kind, shape = reduce(_joined, kinds)
    if kind in ("json", "str", "bytes", "") or None in shape:
        return _JSON
    return kind, (len(values), *shape)


def _joined(one: _Found, other: _Found) -> _Found:
    """The type that holds values of both."""
    if one == other:
        return one
    shape = _joined_shape(one[1], other[1])
    kind = _joined_kind(one[0], other[0])
    return _JSON if shape is None or kind is None else (kind, shape)


def _joined_kind(one: str, other: str) -> str | None:
    if one == other or not one or not other:  # an empty list is of any kind
        return one or other
    texts = {"str", "bytes", "json", "bool"}
    return None if {one, other} & texts else np.result_type(one, other).name


def _joined_shape(one: _Shape, other: _Shape) -> _Shape | None:
    if ... in one or ... in other:
        longer = max(one, other, key=lambda shape: (... not in shape, len(shape)))
        return (None, *longer[1:]) if one and other else None
    if len(one) != len(other):
        return None
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))
