"""What was measured, kept in a file, so that an interrupted search resumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pcr.errors import PCRError


class Notes:
    """Values that JSON can hold, by key: a line each, written as soon as they are known."""

    def __init__(self, path: Path, origin: str) -> None:
        """Resume ``path`` or begin it. ``origin`` says of what the notes are.

        Raises PCRError where the file's notes are of something else.
        """
        self._values: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        whole_bytes = self._read(path)
        with path.open("r+b") as file:
            file.truncate(whole_bytes)  # a line that was cut off is measured again
        self._file = path.open("a", encoding="utf-8", buffering=1)
        if self.remember("origin", lambda: origin) != origin:
            raise PCRError(
                f"{path}: expected measurements of these images with these networks, found others; "
                "choose another folder or remove the file"
            )

    def remember(self, key: str, measure: Callable[[], Any]) -> Any:
        """The value of a key, measured if it isn't known."""
        if key not in self._values:
            self._values[key] = measure()
            self._file.write(json.dumps([key, self._values[key]]) + "\n")
        return self._values[key]

    def _read(self, path: Path) -> int:
        """Read the whole lines; their length in bytes."""
        whole_bytes = 0
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                key, value = json.loads(line)
            except ValueError:
                raise PCRError(f"{path}: expected a line of JSON, found {line[:40]!r}") from None
            self._values[key] = value
            whole_bytes += len(line)
        return whole_bytes
