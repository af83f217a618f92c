"""Ladders: what the files say, for every number of components, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs

from pcr import jpeg
from pcr.errors import FormatError
from pcr.ladder import Ladder, shipped_names

DC = "0,1,2: 0-0, 0, 0;\n"
AC = "0: 1-63, 0, 0;\n1: 1-63, 0, 0;\n2: 1-63, 0, 0;\n"


def test_ladders_of_the_paper_and_of_the_design_have_ten_levels() -> None:
    assert {"standard", "luma"} <= set(shipped_names())
    assert Ladder.load("standard").levels == Ladder.load("luma").levels == 10
    assert len(Ladder.load("luma").scripts[3]) == 14


def test_standard_is_libjpegs_own_progression(tmp_path: Path) -> None:
    """Pillow writes progressive files with jpeg_simple_progression: the same scans come out."""
    source = jpegs.encode(jpegs.photo(), quality=85)
    pillow = jpegs.encode(jpegs.photo(), quality=85, progressive=True)
    assert jpeg.transcode(source, Ladder.load("standard").scripts).tobytes() == pillow


@pytest.mark.parametrize(("mode", "components"), [("L", 1), ("RGB", 3), ("CMYK", 4)])
def test_a_level_means_the_same_for_every_number_of_components(
    mode: str, components: int, ladder: Ladder
) -> None:
    """The coefficients that level k holds of luma are those of the three-component script."""
    rows, of_three = ladder.scripts[components], ladder.scripts[3]
    last = {
        count: ladder.level_offsets(count, np.arange(len(ladder.scripts[count]) + 1))
        for count in (3, components)
    }
    for level in range(1, ladder.levels + 1):
        luma = [r[5:].tolist() for r in rows[: last[components][level]] if 0 in r[1 : 1 + r[0]]]
        expected = [r[5:].tolist() for r in of_three[: last[3][level]] if 0 in r[1 : 1 + r[0]]]
        assert luma == expected
    rewritten = jpeg.transcode(jpegs.encode(jpegs.photo(mode=mode)), ladder.scripts)
    offsets = ladder.level_offsets(components, jpeg.split(rewritten))
    assert offsets[0] == 0 and offsets[-1] == len(rewritten) - 2
    assert (np.diff(offsets) >= 0).all() and len(offsets) == ladder.levels + 1


def test_a_file_without_level_comments_has_one_level_per_scan(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(DC + AC)
    ladder = Ladder.load(path)
    assert (ladder.name, ladder.levels) == ("mine", 4)


def test_no_scans_at_all_is_sequential_jpeg() -> None:
    ladder = Ladder.parse("sequential", "# nothing\n")
    rewritten = jpeg.transcode(jpegs.encode(jpegs.photo(), progressive=True), ladder.scripts)
    assert ladder.levels == 1
    assert not jpeg.header(rewritten).progressive
    assert ladder.level_offsets(3, jpeg.split(rewritten)).tolist() == [0, len(rewritten) - 2]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0,1,2: 0-0, 0;", "line 1: expected 'components: Ss-Se, Ah, Al;'"),
        ("0,1,2: 0-0, 0, 0", "expected ';' at the end"),
        (DC, "component 0, coefficient 1 incomplete"),
        ("0,1,2: 0-0, 0, 1;\n" + AC, "component 0, coefficient 0 incomplete"),
        (AC + DC, "expected DC of component 0 before its AC"),
        (DC + DC + AC, "expected a band not sent before"),
        (DC + "0,1,2: 1-63, 0, 0;", "expected one component in an AC scan"),
        ("0,1,2: 0-5, 0, 0;\n" + AC, "expected DC alone"),
        ("0,1,3: 0-0, 0, 0;\n" + AC, "expected components among 0, 1, 2"),
        (DC + "0: 1-64, 0, 0;", "Ss <= Se <= 63"),
        ("0,1,2: 0-0, 0, 14;", "Al <= 13"),
        ("0,1,2: 0-0, 0, 0; # level 2\n", "expected level 1 or 1, found 2"),
        ("0,1,2: 0-0, 0, 0; # level 1\n0: 1-63, 0, 0;\n", "after every scan or after none"),
        ("0: 0-0,0,0; # level 1\n1: 0-0,0,0; # level 2\n", "DC of all three components in level 1"),
    ],
)
def test_a_script_that_loses_or_repeats_bits_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(FormatError) as error:
        Ladder.parse("bad", text)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0,1,2: 0-0, 0, 0;" + " " * 60_000 + "x;", "found 'x'"),
        ("0" * 5000 + ": 0-0, 0, 0;", "expected 'components: Ss-Se, Ah, Al;'"),
        ("0,1,2: 0-0, 0, " + "0" * 5000 + ";", "expected 'components: Ss-Se, Ah, Al;'"),
        ("0,1,2: 0-0, 0, 0; # level " + "1" * 5000, "incomplete"),
        ("0\n" * 30_000, "expected ';' at the end of"),
        (" " * 70_000, "expected at most 65536 characters, found 70000"),
    ],
)
def test_a_strangers_text_neither_stalls_nor_fills_the_screen(text: str, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint) as refusal:
        Ladder.parse("mine", text)
    assert len(str(refusal.value)) < 250


def test_an_unknown_ladder_names_the_known_ones() -> None:
    with pytest.raises(FormatError, match=r"nosuch: expected one of the ladders .*standard"):
        Ladder.load("nosuch")


def test_a_jpeg_of_other_scans_has_no_levels(ladder: Ladder) -> None:
    with pytest.raises(FormatError, match=r"expected the \d+ scans .* found 1"):
        ladder.level_offsets(3, jpeg.split(jpegs.encode(jpegs.photo())))
