"""The search of ladders by what networks see."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from helpers import records
from numpy.typing import NDArray
from PIL import Image

from pcr import jpeg

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


class Thumbnails:
    """A network whose classes are the pixels of a thumbnail: sees coarse detail and colour."""

    def log_probabilities(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        small = [np.asarray(Image.fromarray(image).resize((5, 5))) for image in images]
        logits = np.array(small, dtype=np.float64).reshape(len(images), -1) / 20
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.fixture(scope="module")
def search_ladder() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return import_module("search_ladder")


@pytest.fixture(scope="module")
def photographs(search_ladder: ModuleType) -> Any:
    sources = [data for data in records.sources(6) if jpeg.header(data).components == 3]
    return search_ladder.Photographs(sources, [Thumbnails()])


def test_each_step_adds_a_bit_and_the_ladder_sends_all(
    search_ladder: ModuleType, photographs: Any
) -> None:
    path = list(search_ladder.search(photographs, 0.9))
    assert path[0] == search_ladder.START
    for before, after in pairwise(path):
        ((bit, lower),) = [pair for pair in zip(before, after, strict=True) if len(set(pair)) > 1]
        assert bit in (lower + 1, search_ladder.UNSENT)
    ladder = search_ladder.to_ladder("searched", path[::4])
    assert ladder.is_complete
    assert ladder.levels == len(path[::4]) + 1


def test_a_state_is_what_the_ladder_shows_at_that_level(
    search_ladder: ModuleType, photographs: Any
) -> None:
    ends = [(3, 4, 4, 5, 99, 99, 99, 4, 99, 99), (2, 2, 3, 3, 3, 3, 4, 2, 2, 2)]
    ladder = search_ladder.to_ladder("two", ends)
    sources = [data for data in records.sources(6) if jpeg.header(data).components == 3]
    for level, end in enumerate(ends):
        for source, expected in zip(sources, photographs.jpegs(end), strict=True):
            found = import_module("ladders").levels_of(source, ladder)[level]
            decoded = import_module("networks").decode([found, expected])
            np.testing.assert_array_equal(*decoded)


def test_neighbouring_bands_that_take_the_same_step_are_one_scan(search_ladder: ModuleType) -> None:
    before, after = (4, 5, 5, 5, 99, 99, 99, 4, 4, 99), (4, 4, 4, 3, 99, 99, 99, 3, 3, 99)
    assert [str(scan) for scan in search_ladder.scans_between(before, after)] == [
        "0: 1-9, 5, 4;",
        "0: 6-9, 4, 3;",
        "1: 1-5, 4, 3;",
        "2: 1-5, 4, 3;",
    ]


def test_a_folder_without_colour_is_one_line(
    search_ladder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gray.jpg").write_bytes(records.sources(3)[2])
    monkeypatch.setattr(search_ladder, "load_network", lambda name: Thumbnails())
    monkeypatch.setattr(sys, "argv", ["search_ladder.py", str(tmp_path), "--models", "any"])
    with pytest.raises(
        SystemExit, match=r"^search_ladder\.py: .* of three components, found none$"
    ):
        search_ladder.main()
