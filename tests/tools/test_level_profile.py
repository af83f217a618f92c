"""What levels cost and are worth, measured on a sample."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import records

from pcr.dataset.reader import Dataset
from pcr.errors import FormatError
from pcr.tools.level_profile import (
    lowest_sufficient_level,
    measure_levels,
    profile_levels,
    summarize,
)
from pcr.tools.pictures import draw_images
from pcr.tools.samples import named_images


def test_profile_counts_bytes_against_the_sources(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (4, 3))
    profile = profile_levels(dataset, images=100, tries=1, progress=False)
    table = profile.table
    full = [image.tobytes() for record in dataset.records for image in record.read(10)]
    sources = sum(map(len, [*records.sources(4), *records.sources(3)]))
    assert list(table["level"]) == list(range(1, 11))
    assert set(table["ladder"]) == {"standard"}
    assert table["mean_bytes"].iloc[-1] == pytest.approx(sum(map(len, full)) / 7)
    assert table["share"].iloc[-1] == pytest.approx(sum(map(len, full)) / sources)
    assert profile.sources_known
    assert table["ms_ssim_mean"].iloc[-1] == 1
    assert (table[["loader_rate", "pillow_rate"]] > 0).all(axis=None)
    assert profile.baseline_rate.keys() == {"loader", "pillow"}


def test_summary_of_a_sample():
    rows = summarize([[10, 20, 40], [30, 60, 80]], [[0.5, 0.9, 1.0], [0.7, 0.8, 1.0]], [100, 140])
    assert list(rows["level"]) == [1, 2, 3]
    assert list(rows["mean_bytes"]) == [20, 40, 60]
    assert list(rows["share"]) == pytest.approx([20 / 120, 40 / 120, 60 / 120])
    unknown = summarize([[10, 20, 40]], [[0.5, 0.9, 1.0]], [0])
    assert list(unknown["share"]) == [0.25, 0.5, 1]
    assert list(rows["ms_ssim_mean"]) == pytest.approx([0.6, 0.85, 1])
    assert list(rows["ms_ssim_p10"]) == pytest.approx([0.52, 0.81, 1])
    assert list(rows["ms_ssim_min"]) == pytest.approx([0.5, 0.8, 1])
    assert lowest_sufficient_level(rows, 0.85) == 2
    assert lowest_sufficient_level(rows, 0.9) == 3
    assert lowest_sufficient_level(rows, 0.1) == 1
    with pytest.raises(ValueError, match="expected bytes and MS-SSIM"):
        summarize([[1, 2]], [[0.5]], [3])


def test_a_damaged_image_is_named(damaged_root, tmp_path):
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected checksum"):
        profile_levels(Dataset(damaged_root), 100, tries=1, progress=False)
    (good,) = named_images(Dataset(damaged_root), ["ant/0.jpg"])
    broken = replace(good, jpegs=[data[:40] for data in good.jpegs])
    for use in (
        lambda: measure_levels([broken]),
        lambda: draw_images([broken], [1], tmp_path / "levels.png"),
    ):
        with pytest.raises(FormatError, match=rf"/PCR_0\.db: image '{good.name}': "):
            use()
    assert not list(tmp_path.glob("levels.png*"))
