"""``pcr``: one command with a sub-command for each task."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

from pcr import __version__
from pcr.cli.command import Command, describe_arguments, execute, load
from pcr.cli.parser import Parser
from pcr.cli.standard_streams import standard_streams

COMMANDS = (
    "convert",
    "merge",
    "copy",
    "add-column",
    "ls",
    "info",
    "verify",
    "export",
    "profile",
    "show",
    "train",
    "plot",
    "report",
    "shell-completion",
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of the command ``pcr``."""
    with standard_streams():
        sys.exit(_run(sys.argv[1:] if argv is None else list(argv)))


def _run(words: list[str]) -> int:
    """Run the command that the words name; its exit code."""
    named = words[0] if words else None
    parser, parsers, commands = make_parser((named,) if named in COMMANDS else COMMANDS)
    arguments, unknown = parser.parse_known_args(words)
    name = arguments.command
    if unknown:  # the command's usage helps, not that of all commands
        parsers[name].error(f"unrecognized arguments: {' '.join(unknown)}")
    return execute(commands[name], arguments, parsers[name])


def make_parser(
    names: Iterable[str],
) -> tuple[argparse.ArgumentParser, dict[str, Parser], dict[str, Command]]:
    """The parser of ``pcr`` with some of its commands, the parser of each, and their modules."""
    parser = argparse.ArgumentParser(
        prog="pcr", description="Progressive Compressed Records.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"pcr {__version__}")
    subparsers = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Parser
    )
    commands = {name: load(name) for name in names}
    parsers = {}
    for name, command in commands.items():
        parsers[name] = subparsers.add_parser(name, help=command.HELP)
        describe_arguments(parsers[name], name, command)
    return parser, parsers, commands
