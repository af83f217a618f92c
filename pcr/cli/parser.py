"""Flags: spelled with ``-`` or ``_``, abbreviated or not; and the flag that sets a parameter."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from pcr.errors import UsageError
from pcr.storage.location import path_here

_PARAMETER = re.compile(r"`(?P<name>\w+)(=(?P<quote>'?)(?P<value>[^`]*)(?P=quote))?`")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser to which ``--batch_size`` and ``--batch-size`` are the same flag."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._given: set[str] = set()
        super().__init__(*arguments, **options)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse as argparse does, each flag in the spelling that it was declared with."""
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        respelled = [self._respelled(word) for word in words[:end]]
        arguments, unknown = super().parse_known_args(
            [*self._with_switch_values(respelled), *words[end:]], namespace
        )
        self._refuse_empty(arguments)
        return arguments, unknown

    def flag(self, parameter: str) -> str:
        """The flag that sets a parameter of the library; the parameter itself where none does.

        Of several names it is the long one that was given, else the first long one.
        """
        flags = [flag for a in self._actions if a.dest == parameter for flag in a.option_strings]
        flags.sort(key=lambda flag: (flag not in self._given, not flag.startswith("--")))
        return flags[0] if flags else parameter

    def in_flags(self, message: str) -> str:
        """A message of the library with this command's flags for the parameters in backticks."""
        return _PARAMETER.sub(self._in_flag, message)

    def _refuse_empty(self, arguments: argparse.Namespace) -> None:
        """As a path it would be the current directory, where a shell's variable was not set."""
        for action in self._actions:
            values = getattr(arguments, action.dest, None)
            if not action.option_strings and "" in (
                values if isinstance(values, list) else [values]
            ):
                self.error(f"argument {action.metavar or action.dest}: expected a value, found ''")

    def _in_flag(self, found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        action = next((a for a in self._actions if a.dest == name and a.option_strings), None)
        if action is None:
            return found[0]
        flag = self.flag(name)
        if value is None or value == str(action.const):
            return flag
        return f"without {flag}" if value in ("True", "False") else f"{flag} {value}"

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
        self._given.update(found[:1])
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
            option_strings,
            dest,
            const=True,
            default=False,
            type=boolean,
            metavar="True|False",
            help=help,
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
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """A whole number from 0 on, as an argument's ``type``."""
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"expected {least} or more, found {value}")
    return value


def local(text: str) -> Path:
    """A file or folder on this machine, as an argument's ``type``."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found ''")
    try:
        return path_here(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(error.reason) from None


def _plain(flag: str) -> str:
    return flag.replace("_", "-")
