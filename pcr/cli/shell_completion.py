"""``pcr shell-completion``: the script with which a shell completes commands, flags and file names."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "Print a script for bash or zsh that completes commands, flags and file names."
EPILOG = (
    "bash reads it from the folder that the first example names, at its next start; zsh from a "
    "folder of fpath, before compinit."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=("bash", "zsh"), help="which shell")


def run(arguments: argparse.Namespace) -> None:
    """Print the script, which needs no Python while it completes."""
    import shtab

    from pcr.cli.main import COMMANDS, make_parser

    parser, parsers, _ = make_parser(COMMANDS)
    for action in (action for one in parsers.values() for action in one._actions):
        if action.nargs != 0 and not action.choices and action.type in (None, str, Path):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, arguments.shell))
