"""StoredBytes and StoredValue: what a source knows the place of, and reads when it is asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pcr.errors import FormatError


class StoredBytes(Protocol):
    """Bytes within a file."""

    @property
    def location(self) -> str:
        """The file, fit for messages."""

    @property
    def size(self) -> int:
        """How many bytes there are, more or less."""

    @property
    def version(self) -> str:
        """What tells them from other bytes."""

    def read(self) -> bytes:
        """The bytes; OSError, FormatError or StorageError where they can't be had."""


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A column's value: an array of NumPy's format, or bytes.

    example: an array of its type and shape, without memory of its own; or no bytes.
    """

    place: StoredBytes
    example: Any = b""

    def load(self) -> Any:
        """The value; FormatError where it is damaged, else as reading raises."""
        data = self.place.read()
        if isinstance(self.example, bytes):
            return data
        try:
            return np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise FormatError(f"{self.place.location}: {error}") from None
