"""Checks of arguments: what was expected, what was found, and which parameter is to blame."""

from __future__ import annotations

import math

import numpy as np

from pcr.errors import UsageError


def check_at_least(least: int, **values: object) -> None:
    """Raise UsageError of the parameter for anything but a whole number from ``least`` on."""
    for name, value in values.items():
        if not _is_whole(value) or value < least:  # type: ignore[operator]
            raise UsageError(f"expected {least} or more, found {value!r}", name)


def check_between(least: int, most: int, **values: object) -> None:
    """Raise UsageError of the parameter for anything but a whole number in ``least`` … ``most``."""
    for name, value in values.items():
        if not _is_whole(value) or not least <= value <= most:  # type: ignore[operator]
            raise UsageError(f"expected {least} to {most}, found {value!r}", name)


def check_numbers(count: int, **values: object) -> None:
    """Raise UsageError of the parameter for anything but ``count`` finite numbers."""
    for name, value in values.items():
        numbers = value if isinstance(value, tuple | list | np.ndarray) else ()
        if len(numbers) != count or not all(is_number(n) and math.isfinite(n) for n in numbers):
            raise UsageError(f"expected {count} numbers, found {value!r}", name)


def is_number(value: object) -> bool:
    """Whether this is a real number, infinity and NaN included."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def check_choice(choices: tuple[str, ...], **values: object) -> None:
    """Raise UsageError, naming the parameter, for a value that is not one of ``choices``."""
    for name, value in values.items():
        if value not in choices:
            raise UsageError(f"expected one of {', '.join(choices)}, found {value!r}", name)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
