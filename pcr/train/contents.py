"""What a checkpoint holds: the names of its values and what each of them must be.

Checksums find damage. This names what is wrong with files that the trainer never wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LARGEST = 2**63 - 1  # what torch takes as a seed, and an int64 holds


@dataclass(frozen=True)
class Kind:
    """One plain value: what it is called in an error, and whether a value is one."""

    name: str
    fits: Callable[[Any], bool]


def optional(kind: Kind) -> Kind:
    """That, or None."""
    return Kind(f"{kind.name} or None", lambda value: value is None or kind.fits(value))


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_sums(value: object) -> bool:
    """Whether these are the sums of a `PassMeter`."""
    return (
        isinstance(value, Tensor)
        and (value.shape, value.dtype) == ((4,), torch.float64)
        and bool(torch.isfinite(value[3]))
    )


ANYTHING = Kind("anything", lambda _: True)
COUNT = Kind("a whole number from 0", lambda v: type(v) is int and 0 <= v <= LARGEST)
NUMBER = Kind("a number", _is_number)
POSITIVE = Kind("a number above 0", lambda v: _is_number(v) and v > 0)
TEXT = Kind("text", lambda v: type(v) is str)
TENSOR = Kind("a tensor", lambda v: isinstance(v, Tensor))
BYTES = Kind("a tensor of bytes", lambda v: isinstance(v, Tensor) and v.dtype == torch.uint8)
SUMS = Kind("4 sums", _is_sums)
LOADER = Kind("native or dali", lambda v: type(v) is str and v in ("native", "dali"))

# A list stands for any number of such values. In a dictionary, names are required; a Kind in place
# of a name allows further names of that kind. A tuple holds alternatives.
SCORES = {"loss": NUMBER, "top_1": NUMBER, "top_5": NUMBER}
READING = {
    "images": COUNT,
    "elapsed_seconds": POSITIVE,
    "wait_seconds": NUMBER,
    "bytes_read": COUNT,
    "requests": COUNT,
    "retries": COUNT,
    "read_wait_seconds": NUMBER,
}
SUMMARY = {
    "epoch": COUNT,
    "n_scans": optional(NUMBER),
    "train_loss": NUMBER,
    "tested": (None, SCORES),
    "reading": READING,
}
RANK = {
    "loader": {"epoch": COUNT, "batch": COUNT, TEXT: ANYTHING},
    "random": {"cpu": BYTES, TEXT: BYTES},
    "measured": (None, {"sums": SUMS, "reading": READING}),
    TEXT: ANYTHING,
}
CHECKPOINT = {
    "format_version": COUNT,
    "checksum": TEXT,
    "arch": TEXT,
    "classes": [TEXT],
    "seed": COUNT,
    "loader": LOADER,
    "epoch": COUNT,
    "step": COUNT,
    "n_scans": optional(COUNT),
    "best_top_1": NUMBER,
    "summaries": [SUMMARY],
    "model": {TEXT: TENSOR},
    "optimizer": {
        "state": {COUNT: {TEXT: ANYTHING}},
        "param_groups": [{"params": [COUNT], TEXT: ANYTHING}],
    },
    "scaler": {TEXT: ANYTHING},
    "ranks": [RANK],
    TEXT: ANYTHING,
}


def mismatch(value: Any, expected: Any, where: str = "") -> str | None:
    """The first place at which a value is not what is expected, in one line; None without any."""
    if isinstance(expected, dict):
        return _dictionary_mismatch(value, expected, where)
    if isinstance(expected, list):
        return _list_mismatch(value, expected[0], where)
    if isinstance(expected, tuple):  # None, or something else
        return None if value is None else mismatch(value, expected[1], where)
    return None if expected.fits(value) else _line(where, expected.name, value)


def _dictionary_mismatch(value: Any, expected: dict[Any, Any], where: str) -> str | None:
    if not isinstance(value, dict):
        return _line(where, "a dictionary", value)
    kinds = [(key, of) for key, of in expected.items() if isinstance(key, Kind)]
    for name in expected:
        if not isinstance(name, Kind) and name not in value:
            return f"{_join(where, name)}: missing"
    for name, inner in value.items():
        found = (
            [expected[name]] if name in expected else [of for key, of in kinds if key.fits(name)]
        )
        if not found:
            return f"{_join(where, name)}: unexpected"
        if reason := mismatch(inner, found[0], _join(where, name)):
            return reason
    return None


def _list_mismatch(value: Any, expected: Any, where: str) -> str | None:
    if not isinstance(value, list | tuple):
        return _line(where, "a list", value)
    reasons = (mismatch(inner, expected, f"{where}[{i}]") for i, inner in enumerate(value))
    return next(filter(None, reasons), None)


def _join(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)


def _line(where: str, expected: str, found: object) -> str:
    shown = repr(found) if _is_number(found) or found is None else type(found).__name__
    return f"{where or 'its contents'}: expected {expected}, found {shown[:40]}"
