"""Subsets and weights: what an epoch draws, on any number of ranks, and what loaders make of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.distributions import chi_square
from helpers.loaders import SIZES, drain, numpy_loader
from helpers.records import make_dataset
from helpers.shares import Epoch, Image, global_batches, images_of, whole
from hypothesis import given
from hypothesis import strategies as st

from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.loading.iterator import PCRIterator
from pcr.loading.order import EpochOrder
from pcr.loading.selection import Selection, select, systematic_counts

RECORDS = (7, 0, 12, 3, 9, 1)
IMAGES = sum(RECORDS)
stops = st.lists(
    st.tuples(st.sampled_from([1, 2, 4]), st.integers(1, 5), st.integers(0, 4)),
    min_size=1,
    max_size=3,
)
"""Ranks, batch size, and batches until the next stop."""


def selection(mask: list[bool], weights: list[float] | None = None) -> Selection:
    """Some images of RECORDS, each once, or by weight."""
    chosen = np.flatnonzero(mask)
    starts = np.cumsum([0, *RECORDS])
    return Selection(chosen, starts, None if weights is None else np.array(weights)[chosen])


def order_of(selection: Selection, epoch: int = 0, streams: int = 1, **options: Any) -> EpochOrder:
    return EpochOrder(RECORDS, 3, epoch, canonical_streams=streams, selection=selection, **options)


def positions(images: list[Image]) -> Counter[int]:
    """Positions in the dataset."""
    starts = np.cumsum([0, *RECORDS]).tolist()
    return Counter(starts[record] + image for record, image in images)


masks = st.lists(st.booleans(), min_size=IMAGES, max_size=IMAGES).filter(any)
all_weights = st.lists(st.floats(0.01, 10), min_size=IMAGES, max_size=IMAGES)


@given(masks, all_weights | st.none(), st.integers(1, 5), stops, st.booleans())
def test_an_epoch_draws_what_is_chosen_over_all_changes_of_ranks(
    mask: list[bool],
    weights: list[float] | None,
    streams: int,
    stops: list[tuple[int, int, int]],
    shuffle: bool,
) -> None:
    """Each image of a subset once; with weights, as often as the epoch has drawn it."""
    order = order_of(selection(mask, weights), streams=streams, shuffle=shuffle)
    epoch, drawn = Epoch.begin(order), []
    for number, (world_size, batch_size, batches) in enumerate(stops, start=1):
        until = None if number == len(stops) else batches
        ranks, epoch = epoch.run(world_size, batch_size, until)
        assert len({len(batches) for batches in ranks}) == 1
        drawn += [image for rank in ranks for batch in rank for image in batch]
    found = positions(drawn)
    assert found.total() == sum(mask)
    if weights is None:
        assert found == Counter(np.flatnonzero(mask).tolist())
        return
    chosen = np.array(weights) * mask
    expected = chosen * (sum(mask) / chosen.sum())
    counts = np.array([found[image] for image in range(IMAGES)])
    assert (counts <= np.ceil(expected + 1e-9)).all()
    assert (counts >= np.floor(expected - 1e-9)).all()


@given(masks, all_weights | st.none())
def test_batches_are_full_and_only_records_with_chosen_images_are_read(
    mask: list[bool], weights: list[float] | None
) -> None:
    order = order_of(selection(mask, weights))
    ranks, _ = Epoch.begin(order).run(1, 4)
    sizes = [len(batch) for batch in ranks[0]]
    assert sizes[:-1] == [4] * (len(sizes) - 1)
    reads = [record for drawn in whole(order).rounds() for record in drawn.reads]
    assert len(reads) == len(set(reads))
    assert set(reads) == {record for record, _ in images_of(whole(order))}


@given(masks, all_weights | st.none(), st.integers(0, 5))
def test_global_batches_do_not_depend_on_the_number_of_ranks(
    mask: list[bool], weights: list[float] | None, epoch: int
) -> None:
    mask = [*mask[: -IMAGES % 4 or None]]
    mask += [False] * (IMAGES - len(mask))
    rest = sum(mask) % 4  # so that there is no last batch with fewer images than streams
    for place in np.flatnonzero(mask)[:rest]:
        mask[place] = False
    if not any(mask):
        return
    order = order_of(selection(mask, weights), epoch, streams=4)
    one, two, four = (
        [sorted(batch) for batch in global_batches(Epoch.begin(order).run(n, 4 // n)[0])]
        for n in (1, 2, 4)
    )
    assert one == two == four


def drawn_in(selection: Selection, epochs: int) -> np.ndarray:
    """How often each image is drawn in each epoch: int64 of shape (epochs, images)."""
    counts = np.zeros((epochs, IMAGES), dtype=np.int64)
    for epoch in range(epochs):
        found = positions(images_of(whole(order_of(selection, epoch))))
        counts[epoch, list(found)] = list(found.values())
    return counts


def test_images_come_in_proportion_to_their_weights() -> None:
    weights = np.linspace(0, 4, IMAGES)
    counts = drawn_in(selection([True] * IMAGES, weights.tolist()), 300)
    assert (counts.sum(axis=1) == IMAGES).all()
    assert not counts[:, 0].any()
    assert chi_square(counts.sum(axis=0)[1:], weights[1:]) < 4


def test_images_of_small_weight_come_together_as_often_as_any_others() -> None:
    """Whether neighbours or not: the points are laid over the images in a new order each time."""
    weights = [0.5] * (IMAGES - 1) + [IMAGES / 2]
    counts = drawn_in(selection([True] * IMAGES, weights), 600)[:, :-1]
    together = (counts.T @ counts)[np.triu_indices(IMAGES - 1, 1)]
    assert chi_square(together, np.ones(len(together))) < 4


def test_every_chosen_image_is_as_likely_to_come_first() -> None:
    chosen = selection([image % 3 > 0 for image in range(IMAGES)])
    firsts = [images_of(whole(order_of(chosen, epoch)))[:1] for epoch in range(800)]
    counts = Counter(next(iter(positions(first))) for first in firsts)
    assert (
        chi_square(np.array([counts[image] for image in chosen.images]), np.ones(len(chosen))) < 4
    )


@given(st.lists(st.floats(0, 1e9), min_size=1).filter(any), st.floats(0, 1, exclude_max=True))
def test_counts_are_shares_rounded_up_or_down(weights: list[float], start: float) -> None:
    values = np.array(weights)
    counts = systematic_counts(values, start)
    assert counts.sum() == len(values)
    shares = values / values.sum() * len(values)
    assert (np.abs(counts - shares) < 1 + 1e-6).all()
    assert not counts[values == 0].any()


def test_classes_come_alike_in_every_epoch(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset", (8, 5))
    subset = [0, 3, 6, 8, 1, 4]
    assert dataset.labels[subset].tolist() == [0, 0, 0, 0, 1, 1]
    source = PCRIterator(dataset, 3, subset=subset, class_balanced=True, seed=1)
    found = Counter(int(label[0]) for _ in range(4) for _, labels in source for label in labels)
    assert source.total_images == len(subset) == 6
    assert found == {0: 12, 1: 12}


@pytest.mark.parametrize("chosen", [{"subset": range(3, 27)}, {"class_balanced": True}])
def test_states_resume_on_one_two_and_four_ranks(loader_root: Path, chosen: dict[str, Any]) -> None:
    def sources(world_size: int) -> list[PCRIterator]:
        options = {"world_size": world_size, "canonical_streams": 4, "seed": 4, **chosen}
        return [
            PCRIterator(loader_root, 4 // world_size, rank=r, **options) for r in range(world_size)
        ]

    def step(sources: list[PCRIterator]) -> list[int]:
        drawn = [next(source.read(*source.position)).images["number"] for source in sources]
        for source in sources:
            source.count()
        return sorted(image for images in drawn for image in images.tolist())

    one = sources(1)
    expected = [step(one) for _ in range(len(one[0]) - 1)]
    state, found = sources(1)[0].state_dict(), []
    for world_size in (4, 2, 1):
        ranks = sources(world_size)
        for source in ranks:
            source.load_state_dict(json.loads(json.dumps(state)))
        steps = 1 if world_size > 1 else len(expected) - 2
        found += [step(ranks) for _ in range(steps)]
        assert all(source.state_dict() == ranks[0].state_dict() for source in ranks)
        state = ranks[-1].state_dict()
    assert found == expected


def test_a_state_of_another_choice_is_refused(loader_root: Path) -> None:
    source = PCRIterator(loader_root, 4)
    state = source.state_dict()
    del state["selection"]  # as states of loaders that knew no subsets
    source.load_state_dict(state)
    chosen = PCRIterator(loader_root, 4, subset=[1, 2, 4])
    for other in (source, PCRIterator(loader_root, 4, subset=[1, 2, 3])):
        with pytest.raises(UsageError):
            other.load_state_dict(chosen.state_dict())


def test_an_image_that_comes_again_has_another_crop(loader_root: Path) -> None:
    weights = np.zeros(sum(SIZES))
    weights[4] = 1
    loader = numpy_loader(loader_root, weights=weights)
    images = drain(loader)
    assert len(images) == sum(SIZES) and len(set(images)) > len(images) / 2
    loader.set_epoch(0)
    assert drain(loader) == images


def test_positions_and_masks_choose_the_same_and_other_records_are_not_needed(
    tmp_path: Path,
) -> None:
    root = tmp_path / "dataset"
    make_dataset(root, (4, 4))
    (root / layout.record_file(1)).unlink()
    mask = np.arange(8) % 3 == 1
    mask[4:] = False
    options = {"transform": None, "shuffle": False, "return_index": True}
    (by_mask,) = numpy_loader(root, subset=mask, **options)
    (by_position,) = numpy_loader(root, subset=[1], **options)
    assert by_mask["index"].tolist() == by_position["index"].tolist() == [1]
    assert by_mask["images"][0].tobytes() == by_position["images"][0].tobytes()


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"subset": []}, "subset"),
        ({"subset": [3, 4, 3]}, "subset"),
        ({"subset": [-1]}, "subset"),
        ({"subset": [10**6]}, "subset"),
        ({"subset": [0.5]}, "subset"),
        ({"subset": [[1]]}, "subset"),
        ({"subset": [True]}, "subset"),
        ({"weights": [1]}, "weights"),
        ({"weights": ["a"]}, "weights"),
        ({"weights": np.zeros(sum(SIZES))}, "weights"),
        ({"weights": -np.ones(sum(SIZES))}, "weights"),
        ({"weights": np.full(sum(SIZES), np.nan)}, "weights"),
        ({"weights": np.ones(sum(SIZES)), "class_balanced": True}, "weights"),
    ],
)
def test_a_choice_that_makes_no_sense_is_named(
    loader_root: Path, arguments: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(UsageError) as refused:
        select(Dataset(loader_root), **arguments)
    assert refused.value.parameter == parameter and "\n" not in str(refused.value)
