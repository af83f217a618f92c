"""ColumnType: what each value of a column is, and how a record's values become bytes and return.

Values of one size lie one after the other. Of others, first come the sizes of all, as uint32: the
bytes of a string, or each dimension of an array that is not fixed. Numbers are little-endian.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.layout import MAX_GROUP_BYTES
from pcr.errors import FormatError, UsageError

ColumnValues: TypeAlias = NDArray[Any] | list[Any]
"""A record's values: an array of shape (images, …) where all have one size, else a list."""

_NUMBERS = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *(f"float{bits}" for bits in (16, 32, 64)),
)
_TEXTS = ("str", "bytes", "json")
_SIZE = r"(?:\?|[1-9][0-9]{0,8})"
_SYNTAX = re.compile(rf"(?P<kind>[a-z]+[0-9]*)(?:\[(?P<shape>{_SIZE}(?:,{_SIZE})*)\])?", re.ASCII)
_MOST_DIMENSIONS = 8
_SHOWN_CHARACTERS = 40
_Sizes: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class ColumnType:
    """The type of a column's values, in text such as ``int64``, ``str`` or ``float32[?,4]``.

    kind: "str", "bytes", "json" or the NumPy name of a number. shape: of each value, None for a
    dimension that differs between images; () for a single number.
    """

    kind: str
    shape: tuple[int | None, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The type that a text says; UsageError of ``type`` where it says none."""
        found = _SYNTAX.fullmatch(text)
        if found is None or found["kind"] not in (*_NUMBERS, *_TEXTS):
            raise _no_type(text)
        sizes = found["shape"].split(",") if found["shape"] else ()
        shape = tuple(None if size == "?" else int(size) for size in sizes)
        parsed = cls(found["kind"], shape)
        fixed_bytes = parsed._unit_bytes
        too_large = len(shape) > _MOST_DIMENSIONS or fixed_bytes > MAX_GROUP_BYTES
        if too_large or (shape and parsed.kind in _TEXTS):
            raise _no_type(text)
        return parsed

    def __str__(self) -> str:
        if not self.shape:
            return self.kind
        sizes = ("?" if size is None else str(size) for size in self.shape)
        return f"{self.kind}[{','.join(sizes)}]"

    @property
    def value_bytes(self) -> int | None:
        """The bytes of each value; None where they differ."""
        return self._unit_bytes if self._free == 0 else None

    @property
    def _is_text(self) -> bool:
        return self.kind in _TEXTS

    @property
    def _free(self) -> int:
        """How many sizes are stored of each value."""
        return 1 if self._is_text else self.shape.count(None)

    @property
    def _dtype(self) -> np.dtype[Any]:
        """As it is stored."""
        return np.dtype(np.uint8 if self._is_text else self.kind).newbyteorder("<")

    @property
    def _unit_bytes(self) -> int:
        """The bytes of a value whose free dimensions are 1."""
        return self._dtype.itemsize * math.prod(size or 1 for size in self.shape)

    def check(self, value: Any) -> None:
        """Raise FormatError, saying what was expected and found, unless a value is of this type."""
        self._pack(value)

    def encode(self, values: Sequence[Any] | NDArray[Any]) -> bytes:
        """A record's values, in image order, as bytes; FormatError names the first one that is wrong."""
        if self._free == 0 and isinstance(values, np.ndarray):  # all at once
            return replace(self, shape=(len(values), *self.shape))._pack(values).tobytes()
        packed = [self._packed(number, value) for number, value in enumerate(values)]
        body = b"".join(value.tobytes() for value in packed)
        if self._free == 0:
            return body
        free = [place for place, size in enumerate(self.shape or (None,)) if size is None]
        sizes = np.array([[value.shape[place] for place in free] for value in packed], dtype="<u4")
        return sizes.tobytes() + body

    def decode(self, data: bytes, images: int, source: str) -> ColumnValues:
        """A record's values from their bytes; FormatError, naming ``source``, where they are damaged.

        Nothing larger than ``data`` is allocated.
        """
        try:
            return self._fixed(data, images) if self._free == 0 else self._free_values(data, images)
        except FormatError as error:
            raise FormatError(f"{source}: {error}") from None

    def collect(self, values: Sequence[Any]) -> ColumnValues:
        """Copies of single values, as `decode` gives them, together: an array, or a list."""
        if self._free:
            return [deepcopy(value) for value in values]
        return np.array(values, dtype=self.kind).reshape(len(values), *self.shape)

    def _packed(self, number: int, value: Any) -> NDArray[Any]:
        try:
            return self._pack(value)
        except FormatError as error:
            raise FormatError(f"value {number}: {error}") from None

    def _pack(self, value: Any) -> NDArray[Any]:
        """A value as the array that is stored."""
        if self._is_text:
            return np.frombuffer(self._text_bytes(value), dtype=np.uint8)
        try:
            found = np.asarray(value)
        except (ValueError, TypeError, RuntimeError):  # lists of several lengths; tensors on a GPU
            raise self._refusal(value) from None
        if found.size == 0 and found.shape == (0,) and self._free:  # an empty list has no dtype
            found = np.zeros([size or 0 for size in self.shape], dtype=self.kind)
        if not _fits(found, self.shape) or not _is_castable(found, np.dtype(self.kind)):
            raise self._refusal(value)
        if math.prod(max(size, 1) for size in found.shape) > MAX_GROUP_BYTES:
            raise self._refusal(value)
        with np.errstate(over="ignore"):
            stored = found.astype(self._dtype)
        if not _is_same(stored, found):
            raise self._refusal(value)
        return stored

    def _text_bytes(self, value: Any) -> bytes:
        try:
            if self.kind == "json":
                text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                return text.encode()
            if self.kind == "str" and isinstance(value, str):
                return value.encode()
            if self.kind == "bytes" and isinstance(value, bytes | bytearray | memoryview):
                return bytes(value)
        except (TypeError, ValueError, RecursionError):
            pass
        raise self._refusal(value)

    def _refusal(self, value: Any) -> FormatError:
        return FormatError(f"expected {self}, found {_shown(value)}")

    def _fixed(self, data: bytes, images: int) -> NDArray[Any]:
        expected = images * self._unit_bytes
        if len(data) != expected:
            raise FormatError(f"expected {expected} bytes of {images} values, found {len(data)}")
        return self._numbers(data).reshape(images, *(size or 1 for size in self.shape))

    def _free_values(self, data: bytes, images: int) -> list[Any]:
        head_bytes = images * self._free * 4
        if len(data) < head_bytes:
            raise FormatError(f"expected the sizes of {images} values, found {len(data)} bytes")
        sizes = np.frombuffer(data, "<u4", images * self._free).reshape(images, self._free)
        ends = self._ends(sizes.astype(np.int64), len(data) - head_bytes)
        return self._cut(data[head_bytes:], sizes, ends)

    def _ends(self, sizes: _Sizes, body_bytes: int) -> _Sizes:
        """Where each value ends, in bytes; FormatError unless together they are the body."""
        # As floats, which don't overflow; with 0 as 1, so that an empty array's shape is small too.
        units = np.maximum(sizes, 1).astype(np.float64).prod(axis=1)
        if units.max(initial=0) > MAX_GROUP_BYTES:
            raise FormatError(f"expected values of up to {MAX_GROUP_BYTES} numbers, found more")
        value_bytes = sizes.prod(axis=1) * self._unit_bytes
        ends = np.cumsum(value_bytes) if value_bytes.max(initial=0) <= body_bytes else None
        if ends is None or (ends[-1] if len(ends) else 0) != body_bytes:
            raise FormatError(f"expected values of {body_bytes} bytes together, found other sizes")
        return ends

    def _cut(self, body: bytes, sizes: NDArray[np.uint32], ends: _Sizes) -> list[Any]:
        bounds = zip([0, *ends.tolist()], ends.tolist(), strict=False)
        if self._is_text:
            read = _READERS[self.kind]
            return [_read_text(read, body[a:b], i) for i, (a, b) in enumerate(bounds)]
        numbers, item_bytes = self._numbers(body), self._dtype.itemsize
        shapes = (self._filled(free) for free in sizes.tolist())
        return [
            numbers[a // item_bytes : b // item_bytes].reshape(shape)
            for (a, b), shape in zip(bounds, shapes, strict=True)
        ]

    def _filled(self, free: Sequence[int]) -> list[int]:
        """The shape of one value."""
        sizes = iter(free)
        return [next(sizes) if size is None else size for size in self.shape]

    def _numbers(self, data: bytes) -> NDArray[Any]:
        """An array of its own, which may be written to."""
        if self.kind == "bool" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
            raise FormatError("expected bytes 0 and 1 for False and True, found others")
        found = np.frombuffer(bytearray(data), self._dtype)
        return found.astype(self.kind, copy=False)  # in this machine's byte order


def _read_text(read: Callable[[bytes], Any], data: bytes, number: int) -> Any:
    try:
        return read(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"value {number}: {error}") from None


_READERS: dict[str, Callable[[bytes], Any]] = {
    "str": bytes.decode,
    "bytes": bytes,
    "json": lambda data: json.loads(data.decode()),
}


def _no_type(text: str) -> UsageError:
    return UsageError(
        "expected a type such as int64, float32, bool, str, bytes, json, float32[4] or "
        f"float32[?,4], found {text!r}",
        "type",
    )


def _fits(found: NDArray[Any], shape: tuple[int | None, ...]) -> bool:
    return len(found.shape) == len(shape) and all(
        expected in (None, size) for size, expected in zip(found.shape, shape, strict=True)
    )


def _is_castable(found: NDArray[Any], wanted: np.dtype[Any]) -> bool:
    """Whether numbers of one kind may be stored as another, if they are in its range."""
    return found.dtype.kind in {"b": "b", "i": "iu", "u": "iu", "f": "iuf"}[wanted.kind]


def _is_same(stored: NDArray[Any], found: NDArray[Any]) -> bool:
    """Whether nothing is lost but digits of fractions."""
    if stored.dtype.kind == "f":
        return bool((np.isinf(stored) == np.isinf(found)).all())
    return bool((stored == found).all())


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.shape:
        return f"{value.dtype}[{','.join(map(str, value.shape))}]"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
