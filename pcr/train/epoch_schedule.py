"""EpochSchedule: whole numbers by epoch, such as levels or image sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pcr.errors import UsageError

EXAMPLE = "0:2,30:5,60:10"


@dataclass(frozen=True)
class EpochSchedule:
    """A value for each epoch. changes: (first epoch, value), epochs ascending from 0."""

    changes: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str, parameter: str, expected: str) -> EpochSchedule:
        """Read a number, or a schedule such as ``0:2,30:5,60:10``.

        Raises:
            UsageError: the text is neither; `expected` says what else `parameter` takes.
        """
        changes = [_change(part) for part in (text if ":" in text else f"0:{text}").split(",")]
        known = tuple(change for change in changes if change)
        if len(known) < len(changes):
            raise UsageError(f"expected {expected}, found {text!r}", parameter)
        epochs = [epoch for epoch, _ in known]
        if epochs[0] != 0 or epochs != sorted(set(epochs)):
            raise UsageError(
                f"expected a schedule whose epochs begin with 0 and ascend, found {text!r}",
                parameter,
            )
        return cls(known)

    def at(self, epoch: int) -> int:
        """The value of an epoch, counted from 0."""
        return next(value for first, value in reversed(self.changes) if first <= epoch)

    @property
    def last(self) -> int:
        """The value in the end."""
        return self.changes[-1][1]

    def __str__(self) -> str:
        """The text that `parse` reads."""
        if len(self.changes) > 1:
            return ",".join(f"{epoch}:{value}" for epoch, value in self.changes)
        return str(self.changes[0][1])


def _change(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+):(\d+)", text.strip())
    return (int(match[1]), int(match[2])) if match else None
