"""The exceptions that this package raises for what its user can correct."""

from __future__ import annotations

import os


class PCRError(Exception):
    """Base of all errors that a command reports in one line, without a traceback."""


class UsageError(PCRError, ValueError):
    """An argument, or a combination of arguments, that makes no sense (exit code 2).

    ``parameter`` is the name of the argument to blame, if it is one; a command says its flag
    instead.
    """

    def __init__(self, reason: str, parameter: str | None = None) -> None:
        super().__init__(reason if parameter is None else f"{parameter}: {reason}")
        self.reason, self.parameter = reason, parameter


class FormatError(PCRError, ValueError):
    """Bytes that are not what their format says: a damaged JPEG, record or index."""


class DatasetError(PCRError):
    """A directory that is not the input or the dataset that a command needs."""


class StorageError(PCRError):
    """Bytes that a store does not deliver or take: names the URL, the range and what was tried."""


class ObjectNotFoundError(StorageError):
    """A store has nothing of that name."""


def describe(error: Exception) -> str:
    """An error as one line: the file, then what was found."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


def printable(text: object) -> str:
    """One line that any terminal shows, whatever bytes and newlines a file name in it may hold."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in str(text)
    )
