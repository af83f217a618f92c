"""ClassGroups: which classes of the data count as one."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pcr.errors import FormatError
from pcr.regular_file import read_regular

COLUMNS = ["class", "merged_class"]
_MOST_BYTES = 2**28


@dataclass(frozen=True)
class ClassGroups:
    """The name of the group that each class belongs to; a class that is not listed stays itself."""

    groups: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> ClassGroups:
        """Read a CSV file with the columns class and merged_class.

        Raises:
            OSError: the file can't be read.
            FormatError: it is not such a file, or it lists a class twice.
        """
        try:
            text = read_regular(path, _MOST_BYTES).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FormatError(f"{path}: expected UTF-8 text, found: {error.reason}") from None
        try:
            header, *rows = list(csv.reader(io.StringIO(text, newline=""))) or [[]]
        except csv.Error as error:
            raise FormatError(f"{path}: expected a CSV file, found: {error}") from None
        if header != COLUMNS:
            found = ",".join(header)[:80] or "none"
            raise FormatError(f"{path}: expected the columns {','.join(COLUMNS)}, found {found}")
        groups: dict[str, str] = {}
        for number, row in enumerate(rows, start=2):
            if len(row) != len(COLUMNS) or row[0] in groups or not row[1]:
                expected = "a class that comes once, and its merged class"
                raise FormatError(f"{path}, line {number}: expected {expected}, found {row}")
            groups[row[0]] = row[1]
        return cls(groups)

    def of(self, classes: Sequence[str]) -> tuple[str, ...]:
        """The group of each class."""
        return tuple(self.groups.get(name, name) for name in classes)
