"""What all commands share: load, run, turn an error into one line and an exit code."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol, cast

from pcr.cli.examples import EXAMPLES
from pcr.cli.parser import Parser
from pcr.cli.standard_streams import standard_streams
from pcr.cli.text import paragraph, printable
from pcr.errors import DatasetError, PCRError, UsageError, describe
from pcr.extras import describe_missing, is_in_an_extra

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

EXIT_OK, EXIT_FAILURE, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
_EXIT_CODES = "exit codes: 0 done, 1 failed or found wrong, 2 wrong usage, 130 interrupted"


class Command(Protocol):
    """A module of this folder that is one command."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int | None:
        """Do the work; the exit code, 0 for None."""


def main(name: str, argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command, a module of this folder, as a script of its own."""
    with standard_streams():
        command = load(name)
        parser = Parser()
        describe_arguments(parser, name, command)
        sys.exit(execute(command, parser.parse_args(argv), parser))


def load(name: str) -> Command:
    """A command's module; exits with one line where the package is not set up."""
    try:
        return cast(Command, import_module(f"pcr.cli.{name.replace('-', '_')}"))
    except ImportError as error:
        sys.exit(_fail(how_to_set_up(error), EXIT_FAILURE))
    except KeyboardInterrupt:
        sys.exit(_fail("interrupted", EXIT_INTERRUPTED))


def describe_arguments(parser: Parser, name: str, command: Command) -> None:
    """Declare a command's arguments; its help ends with examples and exit codes."""
    command.add_arguments(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = paragraph(command.HELP)
    notes = [paragraph(parser.epilog)] if parser.epilog else []
    examples = "\n".join(["examples:", *(f"  {line}" for line in EXAMPLES[name])])
    parser.epilog = "\n\n".join([*notes, examples, _EXIT_CODES])


def how_to_set_up(error: ImportError) -> str:
    """What is missing, and the commands that install it."""
    if not isinstance(error, ModuleNotFoundError):
        return str(error)  # of the native module, or of an extra, which says what to do
    if is_in_an_extra(error):
        return describe_missing(error)
    return (
        f"{error}: run 'bash install_python_deps.sh' and 'bash init_repo.sh', "
        "then 'source .venv/bin/activate'"
    )


def execute(command: Command, arguments: argparse.Namespace, parser: Parser) -> int:
    """Run a command; an error that its user can fix becomes one line on stderr and the exit code.

    The first SIGINT or SIGTERM ends it in order, the second at once; files stay whole either way.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    try:
        return command.run(arguments) or EXIT_OK
    except UsageError as error:
        where = f"{parser.flag(error.parameter)}: " if error.parameter else ""
        return _fail(where + parser.in_flags(error.reason), EXIT_USAGE)
    except BrokenPipeError:  # the reader of our output, say `head`, has seen enough
        return EXIT_FAILURE
    except (PCRError, OSError) as error:
        return _fail(parser.in_flags(describe(error)), EXIT_FAILURE)
    except ImportError as error:
        return _fail(how_to_set_up(error), EXIT_FAILURE)
    except MemoryError:
        return _fail("out of memory", EXIT_FAILURE)
    except KeyboardInterrupt as interrupt:
        return _fail(interrupt if interrupt.args else "interrupted", EXIT_INTERRUPTED)


def refuse_existing(path: Path, force: bool) -> None:
    """Raise DatasetError where a result would replace a file, unless ``force``, or anything else."""
    if not os.path.lexists(path):
        return
    if not force:
        raise DatasetError(f"{path}: already exists: `force` replaces it, `out` writes elsewhere")
    if path.exists() and not path.is_file():
        raise DatasetError(f"{path}: expected a file to replace, found another kind")


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    for again in _SIGNALS:
        signal.signal(again, _end_at_once)
    raise KeyboardInterrupt(f"interrupted by signal {signal.Signals(number).name}")


def _end_at_once(*_: object) -> NoReturn:
    os._exit(EXIT_INTERRUPTED)


def _fail(message: object, code: int) -> int:
    print(f"error: {printable(message)}", file=sys.stderr)
    return code
