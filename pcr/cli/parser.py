"""Flags: spelled with ``-`` or ``_``, abbreviated or not; and the flag that sets a parameter."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise

_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser to which ``--batch_size`` and ``--batch-size`` are the same flag."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse as argparse does, each flag in the spelling that it was declared with."""
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        respelled = [self._respelled(word) for word in words[:end]]
        return super().parse_known_args(
            [*self._with_switch_values(respelled), *words[end:]], namespace
        )

    def flag(self, parameter: str) -> str:
        """The flag that sets a parameter of the library; the parameter itself where none does."""
        flags = (a.option_strings for a in self._actions if a.dest == parameter)
        return next((found[0] for found in flags if found), parameter)

    def _respelled(self, word: str) -> str:
        """The flag as it was declared; ``word`` may be an abbreviation of it, or no flag at all."""
        name, equals, value = word.partition("=")
        if not name.startswith("--"):
            return word
        flags = self._option_string_actions
        found = [flag for flag in flags if _plain(flag).startswith(_plain(name))]
        found = [flag for flag in found if len(flag) == len(name)] or found
        if len({flags[flag] for flag in found}) > 1:
            self.error(f"ambiguous option: {name} could match {', '.join(found)}")
        return found[0] + equals + value if found else word

    def _with_switch_values(self, words: Sequence[str]) -> Iterator[str]:
        """Let a Switch take the next word only if that is one of its values."""
        value_taken = False
        for word, following in pairwise([*words, ""]):
            is_switch = isinstance(self._option_string_actions.get(word), Switch)
            takes_value = is_switch and following.lower() in _BOOLEANS
            if not value_taken:
                yield f"{word}={following if takes_value else True}" if is_switch else word
            value_taken = takes_value


class Switch(argparse.Action):
    """A flag that stands alone or before True or False, also in front of positional arguments."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(
            option_strings, dest, type=boolean, default=False, metavar="True|False", help=help
        )

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store the value."""
        setattr(namespace, self.dest, values)


def boolean(text: str) -> bool:
    """True or False, as an argument's ``type``."""
    if text.lower() not in _BOOLEANS:
        raise argparse.ArgumentTypeError(f"expected True or False, found {text!r}")
    return _BOOLEANS[text.lower()]


def positive(text: str) -> int:
    """A whole number from 1 on, as an argument's ``type``."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value


def _plain(flag: str) -> str:
    return flag.replace("_", "-")
