"""The fidelity that ``--n_scans`` asks for: one level, a schedule, or a choice by gradients."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pcr.errors import UsageError

ALL, AUTO = "all", "auto"


@dataclass(frozen=True)
class Fidelity:
    """The levels to read, by epoch; by default all that the dataset has."""

    auto: bool = False
    changes: tuple[tuple[int, int], ...] = ()  # (first epoch, level), epochs ascending from 0

    @classmethod
    def parse(cls, text: str) -> Fidelity:
        """Read a number of levels, ``all``, ``auto``, or a schedule such as ``0:2,30:5,60:10``.

        Raises:
            UsageError: the text is none of these.
        """
        if text in (ALL, AUTO):
            return cls(auto=text == AUTO)
        changes = [_change(part) for part in (text if ":" in text else f"0:{text}").split(",")]
        known = tuple(change for change in changes if change)
        if len(known) < len(changes):
            raise UsageError(
                f"expected a number, all, auto or a schedule such as 0:2,30:5,60:10, found {text!r}",
                "n_scans",
            )
        epochs = [epoch for epoch, _ in known]
        if epochs[0] != 0 or epochs != sorted(set(epochs)):
            raise UsageError(
                f"expected a schedule whose epochs begin with 0 and ascend, found {text!r}",
                "n_scans",
            )
        return cls(changes=known)

    def level(self, epoch: int) -> int | None:
        """The level of this epoch, counted from 0; None: all, or until ``auto`` has chosen."""
        return next((level for first, level in reversed(self.changes) if first <= epoch), None)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        if len(self.changes) > 1:
            return ",".join(f"{epoch}:{level}" for epoch, level in self.changes)
        return str(self.changes[0][1]) if self.changes else AUTO if self.auto else ALL


def _change(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+):(\d+)", text.strip())
    return (int(match[1]), int(match[2])) if match else None
