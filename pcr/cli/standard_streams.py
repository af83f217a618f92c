"""Standard input, output and error: open in any surroundings, and written to the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pcr.errors import describe

_NAMES = ("stdin", "stdout", "stderr")


@contextmanager
def standard_streams() -> Iterator[None]:
    """Have the standard streams open, and all that the block prints written when it ends.

    Exits with 1 where that fails: after one line, or without any where the reader of the output, say
    `head`, has seen enough.
    """
    _open_closed()
    try:
        yield
    finally:
        _flush()


def _open_closed() -> None:
    """Or the next file that is opened would get the number of a stream, and what is printed to it."""
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # it is flushed once more
        if not isinstance(error, BrokenPipeError):
            error.filename = "standard output"
            print(f"error: {describe(error)}", file=sys.stderr)
        sys.exit(1)
