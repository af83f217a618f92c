"""Mixtures of levels: each record draws its own, by weight, the same in each run."""

from __future__ import annotations

import json

import pytest
from helpers import records
from scipy.stats import chisquare

from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.loading.iterator import PCRIterator
from pcr.loading.loader import Loader

MIX = {2: 3, 10: 1}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """60 records of 2 images."""
    return records.make_dataset(tmp_path_factory.mktemp("many"), (2,) * 60)


def levels_of(dataset: Dataset, reader: PCRIterator, epoch: int) -> list[int]:
    """The level at which each record was read, by the bytes of its images."""
    found = {}
    for batch in reader.read(epoch):
        for jpeg, image in zip(batch.jpegs, batch.images["number"].tolist(), strict=True):
            number, inside = divmod(image, 2)
            record = dataset.records[number]
            sizes = {len(record.read(level)[inside]): level for level in MIX}
            assert found.setdefault(number, sizes[len(jpeg)]) == sizes[len(jpeg)]
    return [found[number] for number in range(len(dataset.records))]


def test_records_draw_their_levels_by_weight(many: Dataset) -> None:
    reader = PCRIterator(many.root, 4, MIX, seed=3)
    drawn = [levels_of(many, reader, epoch) for epoch in range(4)]
    assert drawn[0] != drawn[1]
    again = PCRIterator(many.root, 7, MIX, seed=3, canonical_streams=1)
    assert levels_of(many, again, 1) == drawn[1]
    flat = [level for epoch in drawn for level in epoch]
    counts = [flat.count(level) for level in MIX]
    assert chisquare(counts, [len(flat) * 0.75, len(flat) * 0.25]).pvalue > 0.001


def test_bytes_are_those_of_the_levels(many: Dataset) -> None:
    reader = PCRIterator(many.root, 4, MIX)
    drawn = levels_of(many, reader, 0)
    expected = sum(r.prefix_bytes[k] for r, k in zip(many.records, drawn, strict=True))
    assert reader.bytes_read == expected


def test_a_state_keeps_the_mixture(many: Dataset) -> None:
    def batches(loader: Loader) -> list[list[float]]:
        return [images.ravel()[:50].tolist() for images, _ in loader]

    whole = Loader(many.root, 4, MIX, output="numpy")
    expected = batches(whole)
    stopped = Loader(many.root, 4, MIX, output="numpy")
    for number, _ in enumerate(stopped):
        if number == 9:
            break
    state = json.loads(json.dumps(stopped.state_dict()))
    resumed = Loader(many.root, 4, output="numpy")
    resumed.load_state_dict(state)
    assert resumed.source.n_scans == {2: 0.75, 10: 0.25}
    assert batches(resumed) == expected[10:]


@pytest.mark.parametrize(
    "bad", [{}, {11: 1}, {2: 0}, {2: -1}, {2: float("nan")}, {2: "x"}, {0.5: 1}]
)
def test_a_mixture_that_makes_no_sense(many: Dataset, bad: dict[int, float]) -> None:
    with pytest.raises(UsageError, match="n_scans: expected"):
        PCRIterator(many.root, 4, bad)


def test_one_level_is_no_mixture(many: Dataset) -> None:
    assert PCRIterator(many.root, 4, {5: 2.0}).n_scans == 5
