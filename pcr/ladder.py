"""Ladders: scan scripts whose scans are gathered into levels.

A ladder is a text file in the syntax that ``cjpeg -scans`` and ``jpegtran -scans`` read
(libjpeg-turbo's wizard.txt), so those programs read it too. A comment ``# level N`` says to which
level the scans of its line belong; a file without such comments has one level per scan. A ladder
without any scan is sequential JPEG: one level.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least, check_between
from pcr.errors import FormatError, UsageError
from pcr.lazy import lazy
from pcr.regular_file import read_regular
from pcr.scan_script import Scan, check_complete, check_levels, check_progression, parse_scans

DEFAULT_LADDER = "vision"
MAX_SCANS = 100
COMPONENT_COUNTS = (1, 3, 4)
# A ladder may come with a stranger's dataset: room for 100 scans with comments, too short to stall.
_MAX_TEXT_CHARACTERS = 2**16


@dataclass(frozen=True, repr=False)
class Ladder:
    """A scan script and how its scans are gathered into levels."""

    name: str
    text: str
    scans: tuple[Scan, ...]

    @classmethod
    def load(cls, name_or_path: str | Path) -> Ladder:
        """The shipped ladder of that name, or the one in that file.

        Raises FormatError where there is none, or it is not a complete progressive script.
        """
        shipped = resources.files("pcr") / "ladders" / f"{name_or_path}.txt"
        if str(name_or_path) in shipped_names():
            return cls.parse(str(name_or_path), shipped.read_text(encoding="utf-8"))
        path = Path(name_or_path)
        try:
            return cls.parse(path.stem, read_regular(path).decode(), source=str(path))
        except OSError as error:
            raise FormatError(
                f"{name_or_path}: expected one of the ladders {', '.join(shipped_names())} "
                f"or a readable ladder file, found: {error.strerror}"
            ) from None
        except UnicodeDecodeError:
            raise FormatError(
                f"{path}: expected a text file with a ladder, found binary data"
            ) from None

    @classmethod
    def default(cls) -> Ladder:
        """The ladder that conversions use unless told otherwise."""
        return cls.load(DEFAULT_LADDER)

    @classmethod
    def parse(
        cls, name: str, text: str, *, source: str | None = None, complete: bool = True
    ) -> Ladder:
        """The ladder in ``text``; ``source`` is what messages call it.

        complete: refuse a ladder that leaves bits of coefficients out, as the first levels of one
        do.

        Raises FormatError for anything but a ladder.
        """
        source = source or f"ladder {name}"
        if len(text) > _MAX_TEXT_CHARACTERS:
            raise FormatError(
                f"{source}: expected at most {_MAX_TEXT_CHARACTERS} characters, found {len(text)}"
            )
        scans = tuple(parse_scans(text, source))
        if scans:
            check_levels(scans, source)
            missing_bits = check_progression(scans, source)
            if complete:
                check_complete(missing_bits, source)
        ladder = cls(name, text, scans)
        most = len(ladder._scans_for(max(COMPONENT_COUNTS)))
        if most > MAX_SCANS:
            raise FormatError(f"{source}: expected at most {MAX_SCANS} scans, found {most}")
        return ladder

    def __repr__(self) -> str:
        return f"<Ladder {self.name!r}: {len(self.scans)} scans in {self.levels} levels>"

    @property
    def levels(self) -> int:
        """Number of levels, at least 1."""
        return self.scans[-1].level if self.scans else 1

    @lazy
    def scripts(self) -> dict[int, NDArray[np.int32]]:
        """For 1, 3 and 4 components: int32 rows [count, c0, c1, c2, c3, Ss, Se, Ah, Al]."""
        return {count: _script_rows(self._scans_for(count)) for count in COMPONENT_COUNTS}

    def with_levels(self, levels: int) -> Ladder:
        """The same scans, those of level ``levels`` and above gathered into that level.

        Raises UsageError where the ladder has fewer levels.
        """
        check_at_least(1, levels=levels)
        if levels > self.levels or not self.scans:
            raise UsageError(
                f"expected 1 to the {self.levels} levels of ladder {self.name}, found {levels}",
                "levels",
            )
        if levels == self.levels:
            return self
        text = f"# {self.name}, its levels from {levels} on gathered into one.\n"
        text += "".join(scan.line(min(scan.level, levels)) for scan in self.scans)
        return Ladder.parse(f"{self.name}-{levels}", text)

    def first_levels(self, levels: int) -> Ladder:
        """The scans of levels 1 … ``levels`` alone, which leave bits of coefficients out.

        Raises UsageError where the ladder has fewer levels.
        """
        check_between(1, self.levels, levels=levels)
        if levels == self.levels:
            return self
        name = self.name.removesuffix(f"-first-{self.levels}")
        text = f"# {name}, its levels 1 to {levels} alone.\n"
        text += "".join(scan.line(scan.level) for scan in self.scans if scan.level <= levels)
        return Ladder.parse(f"{name}-first-{levels}", text, complete=False)

    @lazy
    def is_complete(self) -> bool:
        """Whether its scans send all bits of every coefficient."""
        return not (self.scans and check_progression(self.scans, f"ladder {self.name}").any())

    def level_offsets(self, components: int, scan_offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the levels begin in a JPEG of this ladder: int64 of shape (levels + 1,).

        ``scan_offsets`` are the borders of its scans, as ``pcr.jpeg.split`` finds them. Raises
        FormatError where their number is not the ladder's.
        """
        if not self.scans:
            return np.array([0, scan_offsets[-1]], dtype=np.int64)
        last_scan = self._last_scan_of_level[components]
        if len(scan_offsets) - 1 != last_scan[-1]:
            raise FormatError(
                f"expected the {last_scan[-1]} scans of ladder {self.name} for {components} "
                f"components, found {len(scan_offsets) - 1}"
            )
        return scan_offsets[last_scan]

    @lazy
    def _last_scan_of_level(self) -> dict[int, NDArray[np.int64]]:
        """For 1, 3 and 4 components: how many scans the levels up to k hold, k = 0 … levels."""
        return {
            count: np.searchsorted(
                [scan.level for scan in self._scans_for(count)],
                np.arange(self.levels + 1),
                side="right",
            )
            for count in COMPONENT_COUNTS
        }

    def _scans_for(self, components: int) -> list[Scan]:
        """The script for that many components: chroma drops out of grayscale, K goes with luma."""
        if components == 3:
            return list(self.scans)
        scans = []
        for scan in self.scans:
            if 0 not in scan.components:
                if components == 4:
                    scans.append(scan)
            elif components == 1:
                scans.append(scan.with_components(0))
            elif scan.first == 0:  # only DC scans may be interleaved
                scans.append(scan.with_components(*scan.components, 3))
            else:
                scans += [scan, scan.with_components(3)]
        return scans


def shipped_names() -> list[str]:
    """The names of the ladders that come with the package."""
    folder = resources.files("pcr") / "ladders"
    return sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".txt"))


def _script_rows(scans: list[Scan]) -> NDArray[np.int32]:
    rows = [
        [
            len(scan.components),
            *(scan.components + (0,) * 4)[:4],
            scan.first,
            scan.last,
            scan.previous_bit,
            scan.bit,
        ]
        for scan in scans
    ]
    return np.array(rows, dtype=np.int32).reshape(-1, 9)
