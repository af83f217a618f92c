"""The search of ladders by what networks see: its bounds, its images, and that it resumes."""

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
from pcr.errors import PCRError
from pcr.ladder import Ladder

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
UNSENT = 99
IN_8_BANDS = (UNSENT,) * 8


class Thumbnails:
    """A network whose classes are the pixels of a thumbnail: sees coarse detail and colour."""

    def log_probabilities(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        small = [np.asarray(Image.fromarray(image).resize((5, 5))) for image in images]
        logits = np.array(small, dtype=np.float64).reshape(len(images), -1) / 20
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.fixture
def search_ladder(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = import_module("search_ladder")
    monkeypatch.setattr(module, "load_network", lambda name: Thumbnails())
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    for number, data in enumerate(colored(18)):
        (images / f"{number:02}.jpg").write_bytes(data)
    return images


def colored(count: int) -> list[bytes]:
    return [data for data in records.sources(count) if jpeg.header(data).components == 3]


def run(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["search_ladder.py", *map(str, arguments)])
    module.main()


def photographs(module: ModuleType, path: Path) -> tuple[Any, Any]:
    sources = {Path(f"{i}"): data for i, data in enumerate(colored(6))}
    return module.open_photographs(sources, ["any"], path)


@pytest.mark.usefixtures("search_ladder")
@pytest.mark.parametrize("name", ["bitplane", "vision"])
def test_the_levels_of_shipped_ladders_are_states(name: str) -> None:
    bands = import_module("search.bands")
    ladder = Ladder.load(name)
    again = bands.to_ladder(name, bands.to_table(ladder))
    key = ("components", "first", "last", "previous_bit", "bit", "level")
    scans = [{tuple(getattr(s, k) for k in key) for s in of.scans} for of in (ladder, again)]
    assert scans[0] == scans[1]


def test_a_state_is_what_the_ladder_shows_at_that_level(
    search_ladder: ModuleType, tmp_path: Path
) -> None:
    ends = [(3, 4, 4, 5, *IN_8_BANDS[3:], 4, *IN_8_BANDS[1:]), (2, 2, *(3,) * 7, *(2,) * 8)]
    ladder = search_ladder.to_ladder("two", ends)
    images, costs = photographs(search_ladder, tmp_path / "notes")
    levels = [import_module("ladders").levels_of(source, ladder) for source in colored(6)]
    for level, end in enumerate(ends):
        for found, expected in zip(levels, images.jpegs(end), strict=True):
            decoded = import_module("networks").decode([found[level], expected])
            np.testing.assert_array_equal(*decoded)
    whole = np.mean([len(data) for data in colored(6)])
    sizes = [np.mean([len(image[k]) - len(jpeg.EOI) for image in levels]) for k in range(3)]
    np.testing.assert_allclose(costs.of(tuple(ends)).shares * whole, sizes, atol=0.1)


@pytest.mark.usefixtures("search_ladder")
def test_neighbouring_bands_that_take_the_same_step_are_one_scan() -> None:
    before = (4, 5, 5, 5, *IN_8_BANDS[3:], 4, 4, *IN_8_BANDS[2:])
    after = (4, 4, 4, 3, *IN_8_BANDS[3:], 3, 3, *IN_8_BANDS[2:])
    assert [str(scan) for scan in import_module("search.bands").scans_between(before, after)] == [
        "0: 1-9, 5, 4;",
        "0: 6-9, 4, 3;",
        "1: 1-5, 4, 3;",
        "2: 1-5, 4, 3;",
    ]


@pytest.mark.usefixtures("search_ladder")
def test_moves_keep_the_levels_and_their_order() -> None:
    bands, moves = import_module("search.bands"), import_module("search.moves")
    random = np.random.default_rng(0)
    table = bands.to_table(Ladder.load("bitplane"))
    for _ in range(300):
        moved = moves.random_move(table, random)
        if moved:
            assert bands.to_ladder("moved", moved).levels == 10
            assert all((np.array(a) >= np.array(b)).all() for a, b in pairwise(moved))
            table = moved


def test_what_is_found_is_better_and_within_the_bounds(
    search_ladder: ModuleType, tmp_path: Path
) -> None:
    images, costs = photographs(search_ladder, tmp_path / "notes")
    start = search_ladder.to_table(Ladder.load("luma"))
    bounds = search_ladder.Bounds(scans=15, time=1.08, share=1.1, first_share=0.5)
    steps = list(search_ladder.Search(images, costs, bounds, start).run(6))
    assert [step.score for step in steps] == sorted({step.score for step in steps}, reverse=True)
    assert len(steps) > 1
    for step in steps:
        ladder = search_ladder.to_ladder("found", step.table)
        assert ladder.levels == 10
        assert len(ladder.scans) == step.cost.scans <= 15
        assert step.cost.time <= 1.08
        assert step.cost.shares[0] <= 0.5
        assert step.cost.shares[-1] <= 1.1


@pytest.mark.parametrize(
    "bound", [{"scans": 13}, {"time": 0.9}, {"share": 0.5}, {"first_share": 0}]
)
def test_each_bound_binds(
    search_ladder: ModuleType, tmp_path: Path, bound: dict[str, float]
) -> None:
    _, costs = photographs(search_ladder, tmp_path / "notes")
    cost = costs.of(search_ladder.to_table(Ladder.load("bitplane")))
    assert cost.time == pytest.approx(1)
    bounds = search_ladder.Bounds(scans=14, time=1.01, share=2, first_share=1)
    assert cost.is_within(bounds)
    assert not cost.is_within(bounds._replace(**bound))


def test_it_judges_on_other_images_and_resumes(
    search_ladder: ModuleType,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [folder, "--models", "any", "--proposals", "1", "--tries", "1", "--sample", "5"]
    arguments += ["--most-share", "2", "--most-first-share", "1", "--out", tmp_path / "out"]
    monkeypatch.setattr(import_module("search.descent"), "LEARNED_STATES", 3)
    run(search_ladder, monkeypatch, *arguments)
    output = capsys.readouterr().out
    assert "5 images to search on, 5 others to judge on; none is both" in output
    assert "MS-SSIM" in output
    ladder = Ladder.load(tmp_path / "out" / "searched.txt")
    assert ladder.text in output
    with (tmp_path / "out" / "searched.jsonl").open("a") as file:
        file.write('["cut of')
    monkeypatch.setattr(search_ladder.Photographs, "_diverge", None)
    run(search_ladder, monkeypatch, *arguments)
    assert Ladder.load(tmp_path / "out" / "searched.txt").text == ladder.text


def test_images_to_search_on_and_to_judge_on_are_kept_apart(
    search_ladder: ModuleType, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched, judged = search_ladder.choose_images(folder, None, 5)
    assert len({*searched.values(), *judged.values()}) == 10
    other = tmp_path / "other"
    other.mkdir()
    (other / "copy.jpg").write_bytes(next(iter(searched.values())))
    with pytest.raises(
        SystemExit, match=r"copy\.jpg: expected images that the search does not see"
    ):
        run(
            search_ladder,
            monkeypatch,
            *[folder, "--judge-on", other, "--models", "any", "--out", tmp_path / "out"],
        )


@pytest.mark.usefixtures("search_ladder")
def test_notes_of_other_images_are_refused(tmp_path: Path) -> None:
    notes = import_module("search.notes")
    assert notes.Notes(tmp_path / "notes", "these").remember("key", lambda: [0.5]) == [0.5]
    assert notes.Notes(tmp_path / "notes", "these").remember("key", lambda: None) == [0.5]
    with pytest.raises(PCRError, match="expected measurements of these images"):
        notes.Notes(tmp_path / "notes", "others")


def test_a_folder_without_colour_is_one_line(
    search_ladder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gray.jpg").write_bytes(records.sources(3)[2])
    with pytest.raises(
        SystemExit, match=r"^search_ladder\.py: .* of three components, found none$"
    ):
        run(search_ladder, monkeypatch, tmp_path, "--models", "any", "--out", tmp_path / "out")
