"""Properties that are worked out at first use, and safe in forked processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - a decorator, as property is
    """Like `functools.cached_property`, but without its lock.

    In Python 3.11 that is one lock for all objects of a class, which a child that is forked while a
    thread holds it inherits locked. Here two threads may work out the same value at once.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, owner: Any, kind: type | None = None) -> T:
        if owner is None:
            return self  # type: ignore[return-value]
        # From now on found before this descriptor, which sets nothing.
        value = owner.__dict__[self._name] = self._make(owner)
        return value
