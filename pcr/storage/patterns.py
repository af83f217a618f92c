"""Patterns of several files: braces as in shells and WebDataset, and ``*`` in local names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from glob import glob, has_magic
from itertools import product
from pathlib import Path

from pcr.errors import DatasetError, UsageError
from pcr.storage.location import is_remote

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
_MOST_FILES = 10**6


def expand(pattern: str) -> tuple[str, ...]:
    """The files that a pattern names, in its order: ``train-{000..146}.tar``, ``{a,b}.tar``, ``*.tar``.

    ``*``, ``?`` and ``[…]`` are for local files that are there, sorted by name. Raises DatasetError
    where such a pattern names none, UsageError where one names more than a million, or is of a URL.
    """
    return tuple(file for name in _with_braces(pattern) for file in _globbed(name))


def _with_braces(pattern: str) -> Iterator[str]:
    """Brace expressions side by side; none within another."""
    parts = _BRACES.split(pattern)  # texts, and between them what is in braces
    choices = [(part,) if number % 2 == 0 else _choices(part) for number, part in enumerate(parts)]
    for count, names in enumerate(product(*choices)):
        if count == _MOST_FILES:
            raise UsageError(f"{pattern}: expected up to {_MOST_FILES} files, found more")
        yield "".join(names)


def _choices(inside: str) -> tuple[str, ...]:
    found = _RANGE.fullmatch(inside)
    if found is None:
        return tuple(inside.split(",")) if "," in inside else (f"{{{inside}}}",)
    first, last = found.groups()
    step = 1 if int(first) <= int(last) else -1
    padded = any(len(number) > 1 and number.startswith("0") for number in (first, last))
    width = max(len(first), len(last)) if padded else 0
    numbers = range(int(first), int(last) + step, step)
    return tuple(f"{number:0{width}d}" for number in numbers[: _MOST_FILES + 1])


def _globbed(name: str) -> list[str]:
    if not has_magic(name) or Path(name).exists():
        return [name]
    if is_remote(name):
        raise UsageError(
            f"{name}: expected a URL without *, ? and [: use braces, as in {{000..146}}"
        )
    found = sorted(glob(name))  # noqa: PTH207 - Path.glob wants its root apart
    if not found:
        raise DatasetError(f"{name}: expected files of such names, found none")
    return found
