"""Epochs of everything that gives batches: when one begins, what ends it, how it is resumed."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.loaders import SMALL, drain, numpy_loader
from helpers.toy_data import make_folder

from pcr.errors import UsageError
from pcr.imagefolder import ImageFolder
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.in_memory_batches import InMemoryBatches
from pcr.loading.iterator import PCRIterator
from pcr.loading.loader import TensorLoader

BATCH = 4
Make = Callable[[], Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    return ImageFolder.scan(make_folder(tmp_path_factory.mktemp("epochs") / "images", 9))


@pytest.fixture(params=["records", "files", "loader", "loader of files"])
def make(request: pytest.FixtureRequest, loader_root: Path, folder: ImageFolder) -> Make:
    """Makes an iterator; all of them have several batches and draw a new order each epoch."""
    options = DecodeOptions(transform=SMALL, output="numpy", num_threads=1)
    makers: dict[str, Make] = {
        "records": lambda: PCRIterator(loader_root, BATCH, seed=2),
        "files": lambda: FileIterator(folder, BATCH, seed=2),
        "loader": lambda: numpy_loader(loader_root, BATCH, seed=2),
        "loader of files": lambda: TensorLoader(FileIterator(folder, BATCH, seed=2), options),
    }
    return makers[request.param]


def contents(batch: tuple[Any, Any]) -> list[tuple[bytes, int]]:
    return [
        (image.tobytes(), int(label[0] if np.ndim(label) else label))
        for image, label in zip(*batch, strict=True)
    ]


@pytest.fixture
def epochs(make: Make) -> list[list[list[tuple[bytes, int]]]]:
    """The batches of the first three epochs."""
    with make() as iterator:
        found = [[contents(batch) for batch in iterator] for _ in range(3)]
    assert found[0] != found[1] != found[2]
    return found


def test_after_a_break_the_next_epoch_begins(make: Make, epochs: list[Any]) -> None:
    with make() as iterator:
        for _ in iterator:
            break
        assert iterator.epoch == 0
        assert [contents(batch) for batch in iterator] == epochs[1]
        assert iterator.epoch == 2


def test_a_loop_that_gave_no_batch_costs_no_epoch(make: Make, epochs: list[Any]) -> None:
    with make() as iterator:
        iter(iterator)
        iter(iterator)
        assert [contents(batch) for batch in iterator] == epochs[0]
        iter(iterator)
        assert [contents(batch) for batch in iterator] == epochs[1]


def test_an_iterator_goes_on_where_it_is(make: Make, epochs: list[Any]) -> None:
    with make() as iterator:
        batches = iter(iterator)
        first = contents(next(batches))
        assert [first, *map(contents, batches)] == epochs[0]


def test_a_new_iterator_ends_the_one_before(make: Make, epochs: list[Any]) -> None:
    with make() as iterator:
        old = iter(iterator)
        next(old)
        new = iter(iterator)
        assert list(old) == []
        assert [contents(batch) for batch in new] == epochs[1]


def test_an_epoch_is_entered_at_any_batch(make: Make, epochs: list[Any]) -> None:
    with make() as iterator:
        for first in range(len(iterator)):
            iterator.set_epoch(1, first)
            assert [contents(batch) for batch in iterator] == epochs[1][first:]
        iterator.set_epoch(1, len(iterator))
        assert [contents(batch) for batch in iterator] == epochs[2]


def test_a_state_resumes_after_any_batch(make: Make, epochs: list[Any]) -> None:
    states = []
    with make() as iterator:
        for _ in iterator:
            states.append(json.dumps(iterator.state_dict()))
    for number, state in enumerate(states, start=1):
        with make() as resumed:
            resumed.load_state_dict(json.loads(state))
            if number < len(states):
                assert [contents(batch) for batch in resumed] == epochs[0][number:]
            assert [contents(batch) for batch in resumed] == epochs[1]


def test_positions_that_do_not_exist_are_refused(make: Make) -> None:
    with make() as iterator:
        with pytest.raises(UsageError, match="epoch: expected 0 or more, found -1"):
            iterator.set_epoch(-1)
        with pytest.raises(UsageError, match=f"first_batch: expected 0 to {len(iterator)}"):
            iterator.set_epoch(0, len(iterator) + 1)
        state = iterator.state_dict()
        for missing in ("epoch", "batch", "seed"):
            with pytest.raises(UsageError, match=f"{missing}: expected"):
                iterator.load_state_dict({**state, missing: None})


@pytest.mark.parametrize("kind", ["records", "files"])
def test_next_without_a_loop(kind: str, loader_root: Path, folder: ImageFolder) -> None:
    """StopIteration ends each epoch, and the call after it begins the next: as DALI reads."""

    def make() -> PCRIterator | FileIterator:
        if kind == "records":
            return PCRIterator(loader_root, BATCH, seed=2)
        return FileIterator(folder, BATCH, seed=2)

    with make() as looped, make() as called:
        for _ in range(2):
            for batch in looped:
                assert contents(next(called)) == contents(batch)
            with pytest.raises(StopIteration):
                next(called)
        next(called)
        looped.set_epoch(3)
        assert [contents(batch) for batch in called] == [contents(batch) for batch in looped]


def test_batches_in_memory_are_the_same_in_each_epoch(loader_root: Path) -> None:
    held = InMemoryBatches(PCRIterator(loader_root, BATCH, seed=2), epoch=1, batches=3)
    for _ in held:
        break
    assert held.epoch == 0
    read = PCRIterator(loader_root, BATCH, seed=2)
    read.set_epoch(1)
    expected = [contents(batch) for batch in read][:3]
    assert [contents(batch) for batch in held] == expected and held.epoch == 2


def test_a_loader_counts_in_its_source(loader_root: Path) -> None:
    """One place knows where reading stands, whoever reads."""
    loader = numpy_loader(loader_root, BATCH, seed=2)
    batches = iter(loader)
    next(batches)
    assert loader.source.state_dict() == loader.state_dict()
    assert loader.state_dict()["batch"] == 1
    loader.source.set_epoch(3)
    assert loader.epoch == 3 and list(batches) == []
    assert len(drain(loader)) == loader.source.num_images


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_resumes_where_the_original_is(
    make: Make, epochs: list[list[list[tuple[bytes, int]]]], duplicate: Callable[[Any], Any]
) -> None:
    with make() as original:
        list(original)
        batches = iter(original)
        next(batches)
        with duplicate(original) as twin:
            assert twin.state_dict() == original.state_dict()
            assert [contents(batch) for batch in twin] == epochs[1][1:]
        assert [contents(batch) for batch in batches] == epochs[1][1:]


def test_a_source_that_gave_batches_without_a_loop_can_be_copied(loader_root: Path) -> None:
    with PCRIterator(loader_root, BATCH, seed=2) as source:
        next(source)
        with copy.deepcopy(source) as twin:
            assert contents(next(twin)) == contents(next(source))
