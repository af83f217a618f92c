"""The fidelity that ``--n_scans`` asks for: levels, a schedule, a mixture, or a choice in training."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from pcr.errors import UsageError
from pcr.train.epoch_schedule import EXAMPLE, EpochSchedule

ALL, AUTO = "all", "auto"
RULES = {AUTO: "gradients", f"{AUTO}:loss": "loss"}
_MIX = "mix:"
_EXPECTED = f"a number, all, auto, auto:loss, mix:5=0.9,10=0.1 or a schedule such as {EXAMPLE}"


@dataclass(frozen=True)
class Fidelity:
    """The levels to read, by epoch; by default all that the dataset has.

    rule: how levels are chosen in training, by "gradients" or by "loss"; None: they are given.
    schedule: the level of each epoch. mix: levels and weights, of which each record draws one.
    """

    rule: str | None = None
    schedule: EpochSchedule | None = None
    mix: tuple[tuple[int, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Fidelity:
        """Read what `str` writes.

        Raises:
            UsageError: the text is not of that kind.
        """
        if text == ALL:
            return cls()
        if text in RULES:
            return cls(rule=RULES[text])
        if text.startswith(_MIX):
            return cls(mix=_parse_mix(text))
        return cls(schedule=EpochSchedule.parse(text, "n_scans", _EXPECTED))

    @property
    def auto(self) -> bool:
        """Whether levels are chosen in training."""
        return self.rule is not None

    @property
    def levels(self) -> tuple[int, ...]:
        """All levels that are given."""
        changes = self.schedule.changes if self.schedule else ()
        return tuple(level for _, level in changes) + tuple(level for level, _ in self.mix)

    def level(self, epoch: int) -> int | None:
        """The level of this epoch, counted from 0; None: all, a mixture, or until `auto` has chosen."""
        return self.schedule.at(epoch) if self.schedule else None

    def __str__(self) -> str:
        """The text that `parse` reads."""
        if self.mix:
            return _MIX + ",".join(f"{level}={_digits(weight)}" for level, weight in self.mix)
        named = {rule: text for text, rule in RULES.items()}
        return named[self.rule] if self.rule else str(self.schedule or ALL)


def _digits(weight: float) -> str:
    """As many as it takes, without an exponent."""
    return np.format_float_positional(weight, trim="-")


def _parse_mix(text: str) -> tuple[tuple[int, float], ...]:
    parts = text.removeprefix(_MIX).split(",")
    found = [re.fullmatch(r"(\d+)=(\d*\.?\d+)", part.strip()) for part in parts]
    mix = tuple((int(one[1]), float(one[2])) for one in found if one)
    levels = {level for level, weight in mix if weight > 0}
    if len(mix) < len(parts) or len(levels) < len(mix):
        raise UsageError(
            f"expected a mixture such as mix:5=0.9,10=0.1, each level once, with a weight above 0, "
            f"found {text!r}",
            "n_scans",
        )
    return mix
