"""Ladders: scan scripts whose scans are gathered into levels.

A ladder is a text file in the syntax that ``cjpeg -scans`` and ``jpegtran -scans`` read
(libjpeg-turbo's wizard.txt), so those programs read it too. A comment ``# level N`` says to which
level the scans of its line belong; a file without such comments has one level per scan. A ladder
without any scan is sequential JPEG: one level.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least
from pcr.errors import FormatError, UsageError
from pcr.regular_file import read_regular

DEFAULT_LADDER = "bitplane"
MAX_SCANS = 100
COMPONENT_COUNTS = (1, 3, 4)
# A ladder may come with a stranger's dataset: room for 100 scans with comments, too short to stall.
_MAX_TEXT_CHARACTERS = 2**16
_MAX_SCAN_CHARACTERS = 100
_MAX_POINT_TRANSFORM = 13  # ITU-T T.81, table B.3
_SCAN = re.compile(r"\s*([\d\s,]+?)\s*:\s*(\d+)\s*-\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*")
_LEVEL = re.compile(r"\blevel\s+(\d{1,9})\b")


@dataclass(frozen=True)
class Scan:
    """One SOS segment to write: components, spectral band, successive approximation, level."""

    components: tuple[int, ...]
    first: int
    last: int
    previous_bit: int
    bit: int
    level: int

    def with_components(self, *components: int) -> Scan:
        """The same scan of other components."""
        return Scan(components, self.first, self.last, self.previous_bit, self.bit, self.level)

    def line(self, level: int) -> str:
        """The scan as a line of a ladder file, at that level."""
        components = ",".join(map(str, self.components))
        band = f"{self.first}-{self.last}, {self.previous_bit}, {self.bit}"
        return f"{components}: {band};  # level {level}\n"


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
    def parse(cls, name: str, text: str, *, source: str | None = None) -> Ladder:
        """The ladder in ``text``; ``source`` is what messages call it."""
        source = source or f"ladder {name}"
        if len(text) > _MAX_TEXT_CHARACTERS:
            raise FormatError(
                f"{source}: expected at most {_MAX_TEXT_CHARACTERS} characters, found {len(text)}"
            )
        scans = tuple(_parse_scans(text, source))
        if scans:
            _check_levels(scans, source)
            _check_progression(scans, source)
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

    @cached_property
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

    @cached_property
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


def _parse_scans(text: str, source: str) -> Iterator[Scan]:
    pending = ""
    count = 0
    annotated: bool | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        code, _, comment = line.partition("#")
        *entries, pending = (pending + " " + code).split(";")
        level = _LEVEL.search(comment)
        for entry in entries:
            scan = " ".join(entry.split())
            found = _SCAN.fullmatch(scan) if len(scan) <= _MAX_SCAN_CHARACTERS else None
            if not found:
                raise FormatError(
                    f"{source}, line {number}: expected 'components: Ss-Se, Ah, Al;', "
                    f"found {scan[:_MAX_SCAN_CHARACTERS]!r}"
                )
            if annotated is not None and annotated != (level is not None):
                raise FormatError(
                    f"{source}, line {number}: expected '# level N' after every scan or after none"
                )
            annotated = level is not None
            count += 1
            components = tuple(int(c) for c in re.findall(r"\d+", found[1]))
            first, last, previous_bit, bit = (int(found[i]) for i in range(2, 6))
            yield Scan(
                components, first, last, previous_bit, bit, int(level[1]) if level else count
            )
    if pending.strip():
        rest = " ".join(pending.split())[-_MAX_SCAN_CHARACTERS:]
        raise FormatError(f"{source}: expected ';' at the end of {rest!r}")


def _check_levels(scans: tuple[Scan, ...], source: str) -> None:
    previous = 0
    for number, scan in enumerate(scans, start=1):
        if scan.level not in (previous, previous + 1) or scan.level == 0:
            raise FormatError(
                f"{source}, scan {number}: expected level {max(previous, 1)} or {previous + 1}, "
                f"found {scan.level}"
            )
        previous = scan.level


def _check_progression(scans: tuple[Scan, ...], source: str) -> None:
    """Every bit of every coefficient is sent once, in order, as ITU-T T.81 G.1 demands."""
    unsent = 99
    state = np.full((3, 64), unsent)
    for number, scan in enumerate(scans, start=1):
        where = f"{source}, scan {number}"
        components = list(scan.components)
        if sorted(set(components)) != components or not set(components) <= {0, 1, 2}:
            raise FormatError(f"{where}: expected components among 0, 1, 2, found {components}")
        if scan.first == 0 and scan.last != 0:
            raise FormatError(f"{where}: expected DC alone (0-0), found 0-{scan.last}")
        if scan.first > 0 and len(components) > 1:
            raise FormatError(f"{where}: expected one component in an AC scan, found {components}")
        if not scan.first <= scan.last <= 63 or scan.bit > _MAX_POINT_TRANSFORM:
            raise FormatError(
                f"{where}: expected Ss <= Se <= 63 and Al <= {_MAX_POINT_TRANSFORM}, "
                f"found {scan.first}-{scan.last}, Al {scan.bit}"
            )
        band = state[components, scan.first : scan.last + 1]
        expected = unsent if scan.previous_bit == 0 else scan.previous_bit
        refines_one_bit = scan.previous_bit in (0, scan.bit + 1)
        if (band != expected).any() or not refines_one_bit:
            raise FormatError(
                f"{where}: expected a band not sent before, or one more bit of it, "
                f"found {scan.first}-{scan.last}, {scan.previous_bit}, {scan.bit}"
            )
        if scan.first > 0 and (state[components, 0] == unsent).any():
            raise FormatError(f"{where}: expected DC of component {components[0]} before its AC")
        state[components, scan.first : scan.last + 1] = scan.bit
        ends_level_1 = scan.level == 1 and (number == len(scans) or scans[number].level > 1)
        if ends_level_1 and (state[:, 0] == unsent).any():
            raise FormatError(f"{source}: expected DC of all three components in level 1")
    if (state != 0).any():
        component, coefficient = np.argwhere(state != 0)[0]
        raise FormatError(
            f"{source}: expected all bits of every coefficient, "
            f"found component {component}, coefficient {coefficient} incomplete"
        )
