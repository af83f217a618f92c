"""Windows of single images: the pixels of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import jpegs
from hypothesis import given
from hypothesis import strategies as st

from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Images of several sizes, with restart markers."""
    root = tmp_path_factory.mktemp("windows")
    folder = root / "in" / "a"
    folder.mkdir(parents=True)
    for number in range(4):
        side = 20 + 60 * number
        (folder / f"{number:02}.jpg").write_bytes(jpegs.encode(jpegs.photo(side, side)))
    convert(root / "in", root / "pcr", ConversionOptions(restart_rows=1), progress=False)
    return Dataset(root / "pcr")


@given(st.integers(0, 3), st.integers(1, 10), st.data())
def test_a_window_is_the_crop_of_the_whole(
    dataset: Dataset, number: int, level: int, data: st.DataObject
) -> None:
    image = dataset[number]
    left = data.draw(st.integers(0, image.info.width - 1), "left")
    top = data.draw(st.integers(0, image.info.height - 1), "top")
    width = data.draw(st.integers(1, image.info.width - left), "width")
    height = data.draw(st.integers(1, image.info.height - top), "height")
    part = image.decode(level, window=(left, top, width, height))
    assert np.array_equal(part, image.decode(level)[top : top + height, left : left + width])


@pytest.mark.parametrize("window", [(0, 0, 21, 1), (-1, 0, 1, 1), (0, 0, 0, 1), (0, 0.5, 1, 1), 7])
def test_a_window_that_is_not_inside_is_an_error(dataset: Dataset, window: object) -> None:
    (smallest,) = [image for image in dataset if image.info.width == 20]
    with pytest.raises(UsageError, match=r"window: expected .* inside the 20 × 20 of a/00\.jpg"):
        smallest.decode(window=window)  # type: ignore[arg-type]
