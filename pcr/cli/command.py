"""What every command line of this package does alike: parse, run, turn errors into a line and an exit code."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn, Protocol

from pcr.errors import PCRError, UsageError

EXIT_OK, EXIT_FAILURE, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


class Command(Protocol):
    """A module of this folder that is one command."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int | None:
        """Do the work; the exit code, 0 for None."""


def main(command: Command, argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command as a script of its own."""
    parser = argparse.ArgumentParser(description=command.HELP)
    command.add_arguments(parser)
    sys.exit(execute(command, parser.parse_args(argv)))


def execute(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command; what its user can mend becomes one line on stderr and the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return command.run(arguments) or EXIT_OK
    except UsageError as error:
        return _fail(error, EXIT_USAGE)
    except (PCRError, OSError) as error:
        return _fail(error, EXIT_FAILURE)
    except KeyboardInterrupt as interrupt:
        return _fail(interrupt if interrupt.args else "interrupted", EXIT_INTERRUPTED)


def parse_bool(text: str) -> bool:
    """``True`` or ``False`` as the paper's release spells flags."""
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"expected True or False, found {text!r}")


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(f"interrupted by signal {signal.Signals(number).name}")


def _fail(message: object, code: int) -> int:
    # Names may hold any bytes and even newlines: one line, whatever they are.
    line = " ".join(str(message).splitlines()).encode("utf-8", "backslashreplace").decode()
    print(f"error: {line}", file=sys.stderr)
    return code
