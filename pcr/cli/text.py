"""What several commands print: names that any terminal shows, and tables within 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from pcr.errors import printable

COLUMNS = 80


def paragraph(text: str) -> str:
    """Prose broken into lines."""
    return textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False)


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun, in the plural where that is right."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def name_list(names: Sequence[str], columns: int = COLUMNS) -> str:
    """As many of the names as fit, and how many more there are."""
    shown = list(map(printable, names))
    for count in range(len(shown), 0, -1):
        line = ", ".join(shown[:count]) + (f" and {len(shown) - count} more" * (count < len(shown)))
        if len(line) <= columns or count == 1:
            return line
    return "none"


def level_table(
    level_bytes: Sequence[int],
    source_bytes: int,
    further: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[str]:
    """One line per level: its bytes, those up to it, their share of the sources, more columns."""
    further = further or {}
    whole, of = (source_bytes, "sources") if source_bytes else (sum(level_bytes), "last level")
    head = f"  level{'bytes':>16}{'up to it':>16}{'share':>7}"
    yield head + "".join(f"{title:>16}" for title in further)
    for number, reached in enumerate(accumulate(level_bytes)):
        cells = "".join(f"{column[number]:>16}" for column in further.values())
        share = reached / whole if whole else 0
        yield f"  {number + 1:>5}{level_bytes[number]:>16,}{reached:>16,}{share:>7.3f}{cells}"
    yield f"  share: bytes up to the level / bytes of the {of}" + (
        "" if source_bytes else " (the dataset does not have the size of its sources)"
    )


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table: the first column to the left, the others to the right, as narrow as they can be."""
    first, *widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        rest = (f" {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"{name:<{first}}{''.join(rest)}"


def short_size(size: float) -> str:
    """Bytes in four characters at most, as in ``1.2M`` for 1 234 567."""
    for unit in ("", "k", "M", "G", "T"):
        if round(size) < 1000:
            return f"{size:.1f}{unit}" if unit and round(size, 1) < 10 else f"{size:.0f}{unit}"
        size /= 1000
    return f"{size:.0f}P"
