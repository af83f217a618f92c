"""Mixtures: proportions, what comes once, and states."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.loaders import SIZES, numpy_loader
from hypothesis import given
from hypothesis import strategies as st

from pcr.errors import UsageError
from pcr.loading.mixture import Mixture, turns

IMAGES = sum(SIZES)
FIRST, SECOND = range(20), range(20, IMAGES)


def mixture(root: Path, weights: tuple[float, float] = (3, 1), **options: Any) -> Mixture:
    """Of two halves of a dataset, in batches of 4 over all ranks."""
    batches = options.pop("batches", None)
    batch_size = 4 // options.get("world_size", 1)
    loaders = [
        numpy_loader(root, batch_size, subset=subset, return_index=True, **options)
        for subset in (FIRST, SECOND)
    ]
    return Mixture(list(zip(loaders, weights, strict=True)), batches=batches)


def drawn(mixture: Mixture) -> list[list[int]]:
    """The positions of each batch of the next epoch."""
    return [batch["index"].tolist() for batch in mixture]


def givers(batches: list[list[int]]) -> list[int]:
    """Which loader each batch is of."""
    return [int(batch[0] in SECOND) for batch in batches]


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6), st.integers(1, 60))
def test_loaders_give_their_shares_rounded_up_or_down_after_any_number_of_batches(
    weights: list[float], batches: int
) -> None:
    exact = [Fraction(weight) for weight in weights]
    given: Counter[int] = Counter()
    for number, chosen in enumerate(islice(turns(exact), batches), start=1):
        given[chosen] += 1
        for loader, weight in enumerate(exact):
            assert abs(given[loader] - number * weight / sum(exact)) < 1


def test_loaders_go_through_their_images_again_and_again(loader_root: Path) -> None:
    mixed = mixture(loader_root, batches=8)
    batches = [batch for _ in range(5) for batch in drawn(mixed)]
    assert mixed.epoch == 5 and len(batches) == 40
    assert sum(givers(batches)) == 10
    for subset, count in ((FIRST, 30), (SECOND, 10)):
        own = [batch for batch in batches if batch[0] in subset]
        assert len(own) == count
        per_epoch = -(-len(subset) // 4)
        for first in range(0, count - per_epoch + 1, per_epoch):
            epoch = own[first : first + per_epoch]
            assert sorted(image for batch in epoch for image in batch) == list(subset)


def test_an_epoch_has_the_batches_of_its_loaders_unless_it_is_told(loader_root: Path) -> None:
    mixed = mixture(loader_root)
    assert len(mixed) == sum(map(len, mixed.loaders)) == len(drawn(mixed))
    assert mixed.shares == (0.75, 0.25)


def test_states_resume_in_mid_epoch_and_loops_that_are_left_begin_the_next(
    loader_root: Path,
) -> None:
    whole = mixture(loader_root, batches=7)
    expected = [drawn(whole) for _ in range(3)]
    mixed = mixture(loader_root, batches=7)
    begun = [next(drawing)["index"].tolist() for drawing in [iter(mixed)] for _ in range(4)]
    state = json.loads(json.dumps(mixed.state_dict()))
    copied = pickle.loads(pickle.dumps(mixed))
    resumed = mixture(loader_root, batches=7)
    resumed.load_state_dict(state)
    for other in (copied, resumed):
        assert begun + drawn(other) == expected[0]
        assert drawn(other) == expected[1]
    mixed.close()
    assert mixed.epoch == 0
    again = drawn(mixed)  # the next epoch, from where the loaders stand
    assert len(again) == 7 and mixed.epoch == 2
    mixed.set_epoch(2)
    assert drawn(mixed) == expected[2]


def test_batches_and_states_are_the_same_on_one_two_and_four_ranks(loader_root: Path) -> None:
    def ranks(world_size: int) -> list[Mixture]:
        options = {"world_size": world_size, "canonical_streams": 4, "batches": 9}
        return [mixture(loader_root, rank=r, **options) for r in range(world_size)]

    def steps(mixtures: list[Mixture], count: int) -> list[list[int]]:
        running = [iter(mixed) for mixed in mixtures]
        found = [
            sorted(image for batches in running for image in next(batches)["index"].tolist())
            for _ in range(count)
        ]
        for mixed in mixtures:
            mixed.close()
        return found

    expected = steps(ranks(1), 9)
    state, found = ranks(4)[1].state_dict(), []
    for world_size in (4, 2, 1):
        mixtures = ranks(world_size)
        for mixed in mixtures:
            mixed.load_state_dict(json.loads(json.dumps(state)))
        found += steps(mixtures, 3)
        assert all(mixed.state_dict() == mixtures[0].state_dict() for mixed in mixtures)
        state = mixtures[-1].state_dict()
    assert found == expected


def test_a_state_of_another_mixture_is_refused(loader_root: Path) -> None:
    state = mixture(loader_root).state_dict()
    with pytest.raises(UsageError) as refused:
        mixture(loader_root, (1, 1)).load_state_dict(state)
    assert refused.value.parameter == "shares"
    with pytest.raises(UsageError):
        mixture(loader_root, seed=1).load_state_dict(state)


@pytest.mark.parametrize("weights", [(0, 1), (-1, 1), (np.nan, 1), (np.inf, 1), ("a", 1)])
def test_weights_that_make_no_sense_are_refused(loader_root: Path, weights: Any) -> None:
    with pytest.raises(UsageError) as refused:
        mixture(loader_root, weights)
    assert refused.value.parameter == "loaders"


def test_loaders_that_can_not_be_mixed_are_refused(loader_root: Path) -> None:
    loader = numpy_loader(loader_root)
    empty = numpy_loader(loader_root, 100, drop_last=True)
    for loaders in ([], [(loader, 1), (loader, 1)], [(loader, 1), (empty, 1)]):
        with pytest.raises(UsageError) as refused:
            Mixture(loaders)
        assert refused.value.parameter == "loaders"
    with pytest.raises(UsageError) as refused:
        Mixture([(loader, 1)], batches=0)
    assert refused.value.parameter == "batches"
