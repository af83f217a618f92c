"""``pcr``: one command with a sub-command for each task."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from pcr import __version__
from pcr.cli.command import execute, load

COMMANDS = ("convert", "info", "verify", "export", "profile", "show")


def main() -> NoReturn:
    """Entry point of the command ``pcr``."""
    parser = argparse.ArgumentParser(prog="pcr", description="Progressive Compressed Records.")
    parser.add_argument("--version", action="version", version=f"pcr {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Some commands draw, and plotting takes seconds to import: load the one that is meant, all for --help.
    named = sys.argv[1] if len(sys.argv) > 1 else None
    names = (named,) if named in COMMANDS else COMMANDS
    commands = {name: load(name) for name in names}
    for name, command in commands.items():
        command.add_arguments(
            subparsers.add_parser(name, help=command.HELP, description=command.HELP)
        )
    arguments = parser.parse_args()
    sys.exit(execute(commands[arguments.command], arguments))
