"""Images chosen by a condition on columns, and datasets that are split."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.records import make_dataset
from hypothesis import example, given
from hypothesis import strategies as st

from pcr.dataset.columns import Column
from pcr.dataset.reader import Dataset
from pcr.dataset.splitting import split
from pcr.errors import UsageError
from pcr.loading.selection import select

COLUMNS = {
    Column.of("score", "uint8"): [0, 1, 2, 3, 4, 250, 251, 252, 253],
    Column.of("even", "bool"): [True, False] * 4 + [True],
    Column.of("caption", "str"): list("abcdefghi"),
    Column.of("box", "float32[4]"): [[0] * 4] * 9,
    Column.of("width", "float64", beside=True): [i / 10 for i in range(9)],
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("choosing") / "dataset", (5, 4), columns=COLUMNS)


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ('label == "cat"', [2, 7]),
        ("label == 2", [2, 7]),
        ('"cat" != label', [0, 1, 3, 4, 5, 6, 8]),
        ('label in ("cat", "bee") and not even', [1, 7]),
        ('label not in ["cat", 0]', [1, 4, 6]),
        ("even", [0, 2, 4, 6, 8]),
        ("even == True and score < 3", [0, 2]),
        ("score + 10 > 255 or score - 1 < 0", [0, 5, 6, 7, 8]),
        ("1 < score <= 3 and score % 2 == 1", [3]),
        ('"c" <= caption < "e"', [2, 3]),
        ('name == "ant/0.jpg"', [0]),
        ("width * 2 == 1.0", [5]),  # the column
        ("height > 32 and -height > -34", [3, 8]),  # of the image, in pixels
    ],
)
def test_images_that_meet_a_condition(dataset: Dataset, condition: str, met: list[int]) -> None:
    assert dataset.where(condition).tolist() == met
    chosen = select(dataset, condition)
    assert chosen is not None and chosen.images.tolist() == met


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "score",
        "1 == 1",
        "score <",
        "score ** 2 == 4",
        "no_such == 1",
        "box == 1",
        "caption == 1",
        "score in 3",
        "score == (1, 2)",
        "caption + 1 == 2",
        "caption.upper() == 1",
        "[s for s in caption]",
        '__import__("os").getcwd() == "/"',
        'label == "dog"',
        "not score",
        "(" * 500 + "score == 1" + ")" * 500,
        "-" * 900 + "score == 1",
        "score == 1 or " * 1000 + "even",
    ],
)
def test_what_is_no_condition_is_refused(dataset: Dataset, condition: str) -> None:
    with pytest.raises(UsageError) as refused:
        dataset.where(condition)
    assert refused.value.parameter == "condition"
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400
    with pytest.raises(UsageError) as refused:
        select(dataset, condition)
    assert refused.value.parameter == "subset"


def test_a_dataset_is_split_by_names_and_labels(dataset: Dataset) -> None:
    train, test = dataset.split((2 / 3, 1 / 3), stratify=True)
    assert sorted([*train, *test]) == list(range(9)) and train.dtype == np.int64
    assert np.bincount(dataset.labels[test]).tolist() == [1, 1, 1]
    again = dataset.split((2 / 3, 1 / 3), stratify=True)
    assert all(map(np.array_equal, again, (train, test)))
    assert not np.array_equal(dataset.split((0.5, 0.5))[0], dataset.split((0.5, 0.5), seed=1)[0])


all_labels = st.lists(st.integers(0, 5), max_size=60).map(np.array)
all_fractions = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(
    lambda shares: [share / sum(shares) for share in shares]
)


def names_of(count: int) -> list[str]:
    return [f"{i}.jpg" for i in range(count)]


@given(all_labels, all_fractions, st.integers(0, 3))
@example(np.zeros(5, dtype=np.int64), [0.125, 0.125, 0.125, 0.625], 0)
def test_parts_have_every_image_once_and_the_sizes_asked_for(
    labels: np.ndarray, fractions: list[float], seed: int
) -> None:
    parts = split(names_of(len(labels)), labels, fractions, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for part, fraction in zip(parts, fractions, strict=True):
        assert part.tolist() == sorted(part.tolist())
        assert abs(len(part) - fraction * len(labels)) <= 1 + 1e-9
    for label in range(6):
        rest = (labels == label).sum()
        for place, fraction in enumerate(fractions):
            found = (labels[parts[place]] == label).sum()
            expected = rest * fraction / sum(fractions[place:])
            assert abs(found - expected) <= (1 if place == 0 else 1.5) + 1e-9
            rest -= found


@given(st.integers(1, 60), st.integers(0, 9), st.floats(0.05, 0.95), st.permutations(range(60)))
def test_images_keep_their_part_whatever_their_order_and_few_move_when_others_come(
    count: int, added: int, fraction: float, order: list[int]
) -> None:
    def first_part(names: list[str]) -> set[str]:
        part, _ = split(names, np.zeros(len(names)), (fraction, 1 - fraction), 0)
        return {names[i] for i in part}

    names = names_of(count)
    before = first_part(names)
    assert first_part([names[i] for i in order if i < count]) == before
    after = first_part(names_of(count + added)) & set(names)
    assert len(before ^ after) <= added


@pytest.mark.parametrize(
    "fractions", [(), (0.5,), (0.9, 0.2), (1.5, -0.5), (1, 0), ("half", "half"), (float("nan"), 1)]
)
def test_fractions_that_are_none_are_refused(dataset: Dataset, fractions: tuple) -> None:
    with pytest.raises(UsageError) as refused:
        dataset.split(fractions)
    assert refused.value.parameter == "fractions"
