"""What `--n_scans` asks for: one fidelity, a schedule of them, or one that chooses itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pcr.errors import UsageError

AUTO = "auto"


@dataclass(frozen=True)
class Fidelity:
    """Levels by epoch, None for all that there are."""

    auto: bool = False
    changes: tuple[tuple[int, int], ...] = ()  # (first epoch, level), epochs ascending from 0

    @classmethod
    def parse(cls, text: str | None) -> Fidelity:
        """Read a number, `auto`, or a schedule such as `0:2,30:5,60:10`; None stands for all levels.

        Raises:
            UsageError: it is none of these.
        """
        if text is None:
            return cls()
        if text == AUTO:
            return cls(auto=True)
        changes = [_change(part) for part in (text if ":" in text else f"0:{text}").split(",")]
        if None in changes:
            raise UsageError(
                f"--n_scans: expected a number, auto or a schedule such as 0:2,30:5,60:10, found {text!r}"
            )
        known = tuple(change for change in changes if change)
        epochs = [epoch for epoch, _ in known]
        if epochs[0] != 0 or epochs != sorted(set(epochs)):
            raise UsageError(
                f"--n_scans: expected a schedule's epochs to begin with 0 and to ascend, found {text!r}"
            )
        return cls(changes=known)

    def level(self, epoch: int) -> int | None:
        """The level of this epoch, counted from 0; None: all, at least until `auto` has chosen."""
        return next((level for first, level in reversed(self.changes) if first <= epoch), None)

    def __str__(self) -> str:
        if self.auto:
            return "a fidelity that chooses itself"
        if len(self.changes) > 1:
            return "scans of " + ",".join(f"{epoch}:{level}" for epoch, level in self.changes)
        return f"{self.changes[0][1]} scans" if self.changes else "all scans"


def _change(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+):(\d+)", text.strip())
    return (int(match[1]), int(match[2])) if match else None
