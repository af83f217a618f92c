"""Epochs over changes of ranks: no image lost, none twice, and the same global batches."""

from __future__ import annotations

import json
from collections import Counter

from helpers.loaders import SIZES
from helpers.shares import Epoch, everything, global_batches
from hypothesis import given
from hypothesis import strategies as st

from pcr.loading.iterator import PCRIterator
from pcr.loading.order import EpochOrder

records = st.lists(st.integers(0, 40), min_size=1, max_size=12).map(tuple)
stops = st.lists(
    st.tuples(st.integers(1, 8), st.integers(1, 9), st.integers(0, 6)), min_size=1, max_size=3
)
"""Ranks, batch size, and batches until the next stop."""


@given(records, st.integers(1, 9), stops, st.integers(0, 3), st.booleans())
def test_each_image_comes_once_over_all_changes_of_ranks(
    sizes: tuple[int, ...],
    streams: int,
    stops: list[tuple[int, int, int]],
    seed: int,
    shuffle: bool,
) -> None:
    epoch = Epoch.begin(EpochOrder(sizes, seed, shuffle=shuffle, canonical_streams=streams))
    drawn: Counter[tuple[int, int]] = Counter()
    for number, (world_size, batch_size, batches) in enumerate(stops, start=1):
        until = None if number == len(stops) else batches
        ranks, epoch = epoch.run(world_size, batch_size, until)
        assert len({len(batches) for batches in ranks}) == 1
        drawn.update(image for rank in ranks for batch in rank for image in batch)
    assert drawn == everything(sizes)


@given(
    st.lists(st.integers(1, 60), min_size=4, max_size=12).map(tuple),
    st.sampled_from([(8, 2, 8), (8, 1, 4), (1, 8, 2), (4, 8, 1), (2, 4, 8)]),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_global_batches_do_not_depend_on_the_number_of_ranks(
    sizes: tuple[int, ...], ranks: tuple[int, ...], each: int, first: int, second: int
) -> None:
    """Where it divides the streams, and the last batch has an image of each stream at least."""
    images = 8 * each
    rest = sum(sizes) % images
    if 0 < rest < 8:
        sizes = (*sizes[:-1], sizes[-1] + 8 - rest)
    order = EpochOrder(sizes, seed=2, canonical_streams=8)
    expected = global_batches(Epoch.begin(order).run(8, each)[0])
    found, epoch = [], Epoch.begin(order)
    for world_size, batches in zip(ranks, (first, second, None), strict=True):
        drawn, epoch = epoch.run(world_size, images // world_size, batches)
        found += global_batches(drawn)
    assert found == expected


def test_eight_ranks_then_two_then_eight(loader_root) -> None:
    """The states themselves, as JSON, of any rank."""

    def sources(world_size: int) -> list[PCRIterator]:
        options = {"world_size": world_size, "canonical_streams": 8, "seed": 4}
        return [
            PCRIterator(loader_root, 8 // world_size, rank=r, **options) for r in range(world_size)
        ]

    def step(sources: list[PCRIterator]) -> set[int]:
        drawn = [
            next(batches).images["number"]
            for batches in [source.read(*source.position) for source in sources]
        ]
        for source in sources:
            source.count()
        return {image for images in drawn for image in images.tolist()}

    whole = sources(8)
    expected = [step(whole) for _ in range(len(whole[0]))]
    assert len(set().union(*expected)) == sum(SIZES)
    state, found = sources(8)[3].state_dict(), []
    for world_size, steps in ((8, 1), (2, 2), (8, 1)):
        ranks = sources(world_size)
        for source in ranks:
            source.load_state_dict(json.loads(json.dumps(state)))
        found += [step(ranks) for _ in range(steps)]
        states = [source.state_dict() for source in ranks]
        assert all(one == states[0] for one in states)
        state = states[-1]
    assert found == expected and state["epoch"] == 1
