"""Images of a dataset at all of its levels."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from helpers import jpegs, records

from pcr import jpeg
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index
from pcr.errors import DatasetError, FormatError
from pcr.ladder import Ladder
from pcr.tools.samples import named_images, sample_images, to_baseline


def test_show_of_an_unknown_name_where_the_first_record_is_empty(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (0, 1))
    with pytest.raises(DatasetError, match=r"'ant/9\.jpg', found others, such as 'ant/0\.jpg'"):
        named_images(dataset, ["ant/9.jpg"])
    empty = records.make_dataset(tmp_path / "empty", (0,))
    with pytest.raises(DatasetError, match="found none at all"):
        named_images(empty, ["ant/9.jpg"])


def test_baseline_decodes_to_the_same_pixels():
    progressive = jpeg.transcode(records.sources(1)[0], Ladder.load("standard").scripts).tobytes()
    baseline = to_baseline(progressive)
    assert not jpeg.header(baseline).progressive
    assert (jpegs.decode(baseline) == jpegs.decode(progressive)).all()


def test_images_come_at_every_level_with_the_size_of_their_source(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (3, 2))
    image, _ = named_images(dataset, ["bee/4.jpg", "cat/2.jpg"])
    assert image.name == "bee/4.jpg" and image.source_bytes == len(records.sources(2)[1])
    assert image.jpegs == [dataset.records[1].read(level)[1].tobytes() for level in range(1, 11)]
    sampled = list(sample_images(dataset, 4))
    assert len({image.name for image in sampled}) == 4
    assert len(list(sample_images(dataset, 100))) == 5


def test_a_sample_of_very_many_images_takes_little_memory(tmp_path):
    """Of 40 million, which only the index promises."""
    dataset = records.make_dataset(tmp_path / "pcr", (1,))
    entry = dataset.records[0].entry
    entry = replace(
        entry,
        images=2**20,
        file_bytes=2**21,
        prefix_bytes=(2**21,) * 11,
        group_bytes=(2**20, *[0] * 10),
    )
    promised = replace(dataset.info, images=40 * 2**20, records=40)
    write_index(dataset.root, promised, [entry] * 40)
    promising = Dataset(dataset.root)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=r"PCR_\d+\.db: expected "):
            list(sample_images(promising, 10))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
