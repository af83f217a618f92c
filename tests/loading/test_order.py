"""The epoch order: every image once over all ranks, bounded memory, new each epoch, resumable."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcr.errors import UsageError
from pcr.loading.order import EpochOrder, batch_count, batch_sizes, span_of

records = st.lists(st.integers(0, 9), min_size=1, max_size=8).map(tuple)


def draw(order: EpochOrder, skip: int = 0) -> list[tuple[int, int]]:
    return [
        pair
        for drawn in order.rounds(skip)
        for pair in zip(drawn.records.tolist(), drawn.images.tolist(), strict=True)
    ]


@given(records, st.integers(1, 8), st.integers(0, 3), st.integers(1, 5), st.booleans())
def test_the_ranks_shares_are_the_dataset_each_image_once(
    sizes: tuple[int, ...], world_size: int, seed: int, window: int, shuffle: bool
) -> None:
    shares = [
        EpochOrder(sizes, seed, 1, rank, world_size, shuffle, window) for rank in range(world_size)
    ]
    drawn = Counter(pair for share in shares for pair in draw(share))
    assert drawn == Counter((r, i) for r, size in enumerate(sizes) for i in range(size))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(records, st.integers(1, 5), st.data())
def test_skipping_gives_the_rest_of_the_same_order(
    sizes: tuple[int, ...], window: int, data: st.DataObject
) -> None:
    order = EpochOrder(sizes, seed=3, shuffle_buffer_records=window)
    skip = data.draw(st.integers(0, sum(sizes)))
    assert draw(order, skip) == draw(order)[skip:]


@given(records, st.integers(1, 4), st.integers(0, 40))
def test_a_record_is_read_before_its_images_and_few_are_held(
    sizes: tuple[int, ...], window: int, skip: int
) -> None:
    held: set[int] = set()
    for drawn in EpochOrder(sizes, shuffle_buffer_records=window).rounds(skip):
        assert held.isdisjoint(drawn.reads)
        held.update(drawn.reads)
        assert len(held) <= window
        assert held.issuperset(drawn.records.tolist())
        held.difference_update(drawn.forget)
    assert not held


def test_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    sizes = (50,) * 10
    first = draw(EpochOrder(sizes, seed=1, epoch=0))
    assert first == draw(EpochOrder(sizes, seed=1, epoch=0))
    assert first != draw(EpochOrder(sizes, seed=1, epoch=1))
    assert first != draw(EpochOrder(sizes, seed=2, epoch=0))


def test_shuffling_mixes_the_records_of_the_window() -> None:
    """Neighbours come from the same record as often as by chance within a window."""
    drawn = np.array(draw(EpochOrder((100,) * 20, shuffle_buffer_records=4)))[:, 0]
    middle = drawn[400:-400]
    assert 0.15 < (middle[1:] == middle[:-1]).mean() < 0.35


def test_without_shuffling_images_come_as_stored() -> None:
    order = EpochOrder((2, 0, 3), shuffle=False)
    assert draw(order) == [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)]


@given(st.integers(0, 1000), st.integers(1, 8), st.integers(1, 70))
def test_every_rank_has_as_many_batches(images: int, world_size: int, batch_size: int) -> None:
    count = batch_count(images, world_size, batch_size)
    for rank in range(world_size):
        first, stop = span_of(images, rank, world_size)
        sizes = batch_sizes(stop - first, count, batch_size)
        assert len(sizes) == count and sum(sizes) == stop - first
        assert max(sizes, default=0) <= batch_size
        assert min(sizes, default=1) > 0 or stop - first < count


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"rank": -1, "world_size": 2}, "rank"),
        ({"rank": 2, "world_size": 2}, "rank"),
        ({"rank": 0, "world_size": 0}, "world_size"),
        ({"seed": -1}, "seed"),
        ({"shuffle_buffer_records": 0}, "shuffle_buffer_records"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, int], parameter: str) -> None:
    with pytest.raises(UsageError) as refused:
        EpochOrder((1,), **arguments)
    assert refused.value.parameter == parameter
