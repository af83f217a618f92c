"""Names that any terminal shows, lists and tables that fit 80 columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pcr.cli.text import counted, level_table, name_list, printable


@given(st.lists(st.text(min_size=1, max_size=30), max_size=40), st.integers(40, 80))
def test_a_list_of_names_fits_and_counts_the_rest(names: list[str], columns: int) -> None:
    line = name_list(names, columns)
    assert line.isprintable()
    assert len(line) <= columns or line.startswith(printable(names[0]))
    if len(", ".join(map(printable, names))) <= columns:
        assert line == (", ".join(map(printable, names)) or "none")
    else:
        assert line.endswith(" more") or len(names) == 1


def test_what_a_terminal_cannot_show_is_escaped() -> None:
    assert printable("a\nb\udce4ü") == "a\\nb\\udce4ü"


def test_numbers_agree_with_their_nouns() -> None:
    assert [counted(n, "class", "classes") for n in (0, 1, 2000)] == [
        "0 classes",
        "1 class",
        "2,000 classes",
    ]
    assert counted(2, "image") == "2 images"


def test_shares_are_of_the_sources_where_they_are_known() -> None:
    sizes = [10**11, 9 * 10**11 - 1]
    further = {"prefix bytes": ["1", "2"], "mean bytes": ["3", "4"]}
    of_sources = list(level_table(sizes, 2 * 10**12, further))
    assert [line.split()[3] for line in of_sources[1:3]] == ["0.050", "0.500"]
    assert of_sources[2].split()[:3] == ["2", "899,999,999,999", "999,999,999,999"]
    assert of_sources[1].endswith("3") and of_sources[0].endswith("mean bytes")
    unknown = list(level_table(sizes, 0))
    assert unknown[2].split()[3] == "1.000" and "of the last level" in unknown[-1]
    assert all(len(line) <= 80 for line in of_sources)
