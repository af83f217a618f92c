"""The epoch order: every image once over all ranks, bounded memory, new each epoch, no favourites."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from helpers.distributions import chi_square
from helpers.shares import everything, images_of, whole
from hypothesis import given
from hypothesis import strategies as st

from pcr.errors import UsageError
from pcr.loading.lanes import Division, advanced, lanes_of
from pcr.loading.order import EpochOrder
from pcr.loading.rounds import ShareOrder

records = st.lists(st.integers(0, 9), min_size=1, max_size=8).map(tuple)
orders = st.builds(
    EpochOrder,
    records,
    seed=st.integers(0, 3),
    epoch=st.integers(0, 2),
    shuffle=st.booleans(),
    shuffle_buffer_records=st.integers(1, 5),
    canonical_streams=st.integers(1, 9),
)


@given(orders, st.integers(1, 8))
def test_the_ranks_shares_are_the_dataset_each_image_once(
    order: EpochOrder, world_size: int
) -> None:
    shares = [whole(order, rank, world_size) for rank in range(world_size)]
    drawn = Counter(image for share in shares for image in images_of(share))
    assert drawn == everything(order.record_sizes)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(orders, st.integers(1, 4), st.data())
def test_skipping_gives_the_rest_of_the_same_order(
    order: EpochOrder, world_size: int, data: st.DataObject
) -> None:
    share = whole(order, data.draw(st.integers(0, world_size - 1)), world_size)
    skip = data.draw(st.integers(0, len(share)))
    rest = ShareOrder(order, advanced(share.lanes, skip))
    assert len(rest) == len(share) - skip
    assert images_of(rest) == images_of(share)[skip:]


@given(orders, st.integers(1, 4), st.data())
def test_a_record_is_read_before_its_images_and_few_are_held(
    order: EpochOrder, world_size: int, data: st.DataObject
) -> None:
    share = whole(order, data.draw(st.integers(0, world_size - 1)), world_size)
    skip = data.draw(st.integers(0, len(share)))
    held: set[int] = set()
    for drawn in ShareOrder(order, advanced(share.lanes, skip)).rounds():
        assert held.isdisjoint(drawn.reads)
        held.update(drawn.reads)
        # Beside each stream's window at most the record that the next one ends with.
        windows = len(share.lanes) * order.shuffle_buffer_records
        assert len(held) <= windows + (len(share.lanes) > 1) * len(share.lanes)
        assert held.issuperset(drawn.records.tolist())
        held.difference_update(drawn.forget)
    assert not held


@given(orders)
def test_one_rank_reads_each_record_once(order: EpochOrder) -> None:
    reads = Counter(record for drawn in whole(order).rounds() for record in drawn.reads)
    assert reads == Counter(number for number, size in enumerate(order.record_sizes) if size)


@given(st.integers(2, 8), st.integers(0, 20))
def test_a_record_is_read_by_two_ranks_only_where_their_spans_meet(
    world_size: int, seed: int
) -> None:
    order = EpochOrder((20,) * 24, seed, shuffle=True, canonical_streams=world_size)
    shares = [whole(order, rank, world_size) for rank in range(world_size)]
    reads = Counter(
        record for share in shares for drawn in share.rounds() for record in drawn.reads
    )
    assert max(reads.values()) <= 2
    assert sum(reads.values()) <= len(order.record_sizes) + world_size


def test_streams_that_share_a_record_need_it_at_the_same_time() -> None:
    """A rank that has both reads it once and holds it no longer than others."""
    order = EpochOrder((100,) * 41, seed=1, canonical_streams=8)
    held: set[int] = set()
    most = 0
    for drawn in whole(order).rounds():
        held.update(drawn.reads)
        most = max(most, len(held))
        held.difference_update(drawn.forget)
    assert most <= 8 * order.shuffle_buffer_records + 1


def test_order_depends_on_seed_epoch_and_streams_and_on_nothing_else() -> None:
    sizes = (50,) * 10
    first = images_of(whole(EpochOrder(sizes, seed=1, epoch=0)))
    assert first == images_of(whole(EpochOrder(sizes, seed=1, epoch=0)))
    assert first != images_of(whole(EpochOrder(sizes, seed=1, epoch=1)))
    assert first != images_of(whole(EpochOrder(sizes, seed=2, epoch=0)))
    assert first != images_of(whole(EpochOrder(sizes, seed=1, canonical_streams=2)))


def test_shuffling_mixes_the_records_of_the_window() -> None:
    """Neighbours come from the same record as often as by chance within a window."""
    order = EpochOrder((100,) * 20, shuffle_buffer_records=4)
    drawn = np.array(images_of(whole(order)))[:, 0]
    middle = drawn[400:-400]
    assert 0.15 < (middle[1:] == middle[:-1]).mean() < 0.35


@pytest.mark.parametrize(("rank", "world_size"), [(0, 1), (0, 2), (1, 2)])
def test_without_shuffling_images_come_as_stored(rank: int, world_size: int) -> None:
    order = EpochOrder((2, 0, 3), shuffle=False, canonical_streams=world_size)
    stored = [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)]
    first, stop = 5 * rank // world_size, 5 * (rank + 1) // world_size
    assert images_of(whole(order, rank, world_size)) == stored[first:stop]


@pytest.mark.parametrize("is_last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize(("streams", "stream"), [(1, 0), (2, 0), (2, 1), (3, 1), (3, 2)])
def test_a_stream_begins_and_ends_with_any_image_alike(
    streams: int, stream: int, is_last: bool
) -> None:
    """With each record in proportion to its size, though one is smaller than the others."""
    sizes = (60,) * 9 + (20,)
    orders = (EpochOrder(sizes, 5, epoch, canonical_streams=streams) for epoch in range(3000))
    ends = (next(order.pieces(stream, backwards=is_last)) for order in orders)
    counts = np.bincount([piece.record for piece in ends], minlength=len(sizes))
    assert chi_square(counts, np.array(sizes)) < 4


@pytest.mark.parametrize("streams", [1, 2])
def test_every_image_is_as_likely_to_come_first(streams: int) -> None:
    sizes = (6,) * 8 + (2,)
    number = dict(zip(everything(sizes), range(sum(sizes)), strict=True))
    counts = np.zeros(sum(sizes))
    for epoch in range(1500):
        share = whole(EpochOrder(sizes, 5, epoch, canonical_streams=streams), 0, streams)
        counts[number[next(iter(images_of(share)))]] += 1
    assert chi_square(counts, np.ones(sum(sizes))) < 4


def test_an_epoch_of_billions_of_images_begins_at_once() -> None:
    """Images are worked out as they are drawn, batches by arithmetic."""
    order = EpochOrder((2**20,) * 2000, canonical_streams=2)
    division = Division.of(lanes_of(order), 2, 1, False)
    sizes = division.batch_sizes(1)
    assert len(sizes) == 2000 * 2**19 and sizes[len(sizes) - 1] == 1
    drawn = next(ShareOrder(order, division.block_after(1, 1000)).rounds())
    assert len(drawn.reads) == 1
    assert len(drawn.images) <= 2**20


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"seed": -1}, "seed"),
        ({"shuffle_buffer_records": 0}, "shuffle_buffer_records"),
        ({"canonical_streams": 0}, "canonical_streams"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, int], parameter: str) -> None:
    with pytest.raises(UsageError) as refused:
        EpochOrder((1,), **arguments)
    assert refused.value.parameter == parameter
