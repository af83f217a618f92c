"""The options of the paper's advanced converter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.conversions import (
    ADVANCED,
    contents,
    make_folder,
    state,
    succeed,
)
from helpers.datasets import failures

from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset.reader import Dataset
from pcr.imagefolder import ImageFolder
from pcr.ladder import Ladder


def test_static_compression_leaves_the_sources(source: Path, tmp_path: Path) -> None:
    before = state(source)
    succeed(ADVANCED, source, tmp_path / "out", "--quiet", "--static_compression", 20)
    succeed(ADVANCED, source, tmp_path / "full", "--quiet")
    assert state(source) == before
    sizes = [sum(len(jpeg) for *_, jpeg in contents(tmp_path / out)) for out in ("out", "full")]
    assert sizes[0] < 0.8 * sizes[1]
    name, _, jpeg = contents(tmp_path / "out")[0]
    original = jpegs.decode((source / name).read_bytes()).astype(int)
    assert 0 < np.abs(jpegs.decode(jpeg) - original).mean() < 20


@pytest.mark.parametrize("flag", [("--use_baseline_images",), ("--ladder", "baseline")])
def test_baseline_images(source: Path, tmp_path: Path, flag: tuple[str, ...]) -> None:
    succeed(ADVANCED, source, tmp_path, "--quiet", *flag)
    assert Dataset(tmp_path).levels == 1
    for name, _, jpeg in contents(tmp_path):
        assert b"\xff\xc0" in jpeg and b"\xff\xc2" not in jpeg
        assert np.array_equal(jpegs.decode(jpeg), jpegs.decode((source / name).read_bytes()))
    assert failures(tmp_path) == {}


def test_fewer_levels_of_a_ladder(source: Path, tmp_path: Path) -> None:
    succeed(ADVANCED, source, tmp_path / "three", "--quiet", "--levels", 3)
    succeed(ADVANCED, source, tmp_path / "ten", "--quiet")
    assert Dataset(tmp_path / "three").levels == 3
    assert contents(tmp_path / "three") == contents(tmp_path / "ten")
    assert contents(tmp_path / "three", 2) == contents(tmp_path / "ten", 2)
    assert failures(tmp_path / "three") == {}
    more = make_folder(tmp_path / "more", {"ant": 14})
    printed = succeed(ADVANCED, more, tmp_path / "three", "--quiet", "--append")
    assert "2 images in 1 record, added to 25 images" in printed


def test_duplicates_and_order(source: Path, tmp_path: Path) -> None:
    flags = ("--quiet", "--duplicate_dataset_factor", 3, "--no_shuffle", "--pool_size", 1)
    succeed(ADVANCED, source, tmp_path, *flags)
    names = [name for name, _, _ in contents(tmp_path)]
    assert names == [sample.name for sample in ImageFolder.scan(source).samples] * 3
    succeed(ADVANCED, source, tmp_path, "--quiet", "--duplicate_dataset_factor", 3, "--force")
    assert set(Counter(name for name, _, _ in contents(tmp_path)).values()) == {3}


def test_tf_records_hold_the_same_images(source: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("tfrecord.reader")
    options = ConversionOptions(Ladder.load("standard"), images_per_record=10, tf_records=True)
    convert(source, tmp_path, options, progress=False)
    found = [
        (
            bytes(e["image/filename"]).decode(),
            int(e["image/class/label"][0]),
            bytes(e["image/encoded"]),
        )
        for number in range(3)
        for e in reader.tfrecord_loader(str(tmp_path / f"PCR_{number}.tfrecord"), None)
    ]
    assert found == contents(tmp_path)
    assert failures(tmp_path) == {}


def test_tf_records_are_read_by_dali(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("tfrecord")
    dali = pytest.importorskip("nvidia.dali")
    tfrecord = pytest.importorskip("nvidia.dali.tfrecord")
    options = ConversionOptions(Ladder.load("standard"), images_per_record=25, tf_records=True)
    convert(source, tmp_path, options, progress=False)
    path = str(tmp_path / "PCR_0.tfrecord")
    features = {
        "image/encoded": tfrecord.FixedLenFeature((), tfrecord.string, ""),
        "image/class/label": tfrecord.FixedLenFeature([1], tfrecord.int64, -1),
    }
    pipeline = dali.Pipeline(batch_size=25, num_threads=1, device_id=None, prefetch_queue_depth=1)
    with pipeline:
        read = dali.fn.readers.tfrecord(path=path, index_path=path + ".idx", features=features)
        pipeline.set_outputs(read["image/encoded"], read["image/class/label"])
    pipeline.build()
    encoded, labels = pipeline.run()
    expected = contents(tmp_path)
    assert [encoded.at(i).tobytes() for i in range(25)] == [jpeg for *_, jpeg in expected]
    assert [int(labels.at(i)[0]) for i in range(25)] == [label for _, label, _ in expected]
