"""Single images of a dataset: right at every level, and read without the others."""

from __future__ import annotations

import pickle
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from helpers import column_samples, jpegs
from helpers.column_samples import assert_values
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.control import note

from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset.blob_pages import BlobPages
from pcr.dataset.image_index import ImageIndex
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import _write_tables
from pcr.errors import FormatError, UsageError
from pcr.extension import native


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Records of which each level fills one page or several, and columns before the levels."""
    root = tmp_path_factory.mktemp("images")
    folder = root / "in" / "a"
    folder.mkdir(parents=True)
    for number in range(12):
        side = 20 + 60 * number
        (folder / f"{number:02}.jpg").write_bytes(jpegs.encode(jpegs.photo(side, side)))
    convert(root / "in", root / "pcr", ConversionOptions(images_per_record=5), progress=False)
    return Dataset(root / "pcr")


def assert_same(dataset: Dataset) -> None:
    """Assert that each image is at each level what its record has."""
    numbers = iter(range(len(dataset)))
    for record in dataset.records:
        for place, number in zip(range(record.images), numbers, strict=False):
            assert ImageIndex.read(record)  # jpeg() falls back on whole records without it
            for level in range(1, dataset.levels + 1):
                expected = record.read(level)[place].tobytes()
                assert dataset[number].jpeg(level) == expected


def test_images_are_those_of_their_records(dataset: Dataset) -> None:
    assert_same(dataset)
    assert dataset[3].jpeg() == dataset[3].jpeg(10)


def test_small_records_and_columns_within(tmp_path: Path) -> None:
    small = column_samples.make_dataset(tmp_path)
    assert_same(small)
    for number in range(len(small)):
        for name in column_samples.NAMES:
            assert_values([small[number].column(name)], name, number)


def test_images_by_position_and_name(dataset: Dataset) -> None:
    infos = [info for record in dataset.records for info in record.info().images]
    assert dataset.names == [info.name for info in infos]
    assert [image.name for image in dataset] == dataset.names  # type: ignore[attr-defined]
    assert dataset[dataset.names[7]].number == 7 == dataset[np.int64(-5)].number
    image = dataset[11]
    assert (image.info, image.label) == (infos[11], 0)
    assert image.decode(2).shape == (infos[11].height, infos[11].width, 3)
    assert np.array_equal(image.decode(), native.decode_rgb(image.jpeg()))


@pytest.mark.parametrize("number", [12, -13])
def test_no_such_position(dataset: Dataset, number: int) -> None:
    with pytest.raises(IndexError, match=f"expected one of 12 images, found {number}"):
        dataset[number]


def test_no_such_image(dataset: Dataset) -> None:
    with pytest.raises(KeyError, match=r"expected the name of an image, found 'a/99\.jpg'"):
        dataset["a/99.jpg"]
    with pytest.raises(TypeError):
        dataset[1.5]  # type: ignore[index]
    for level in (0, 11):
        with pytest.raises(UsageError, match="n_scans: expected a level between 1 and 10"):
            dataset[0].jpeg(level)


def test_columns_of_the_whole_dataset(tmp_path: Path) -> None:
    dataset = column_samples.make_dataset(tmp_path)
    for name in column_samples.NAMES:
        values = dataset.column(name)
        assert len(values) == len(dataset)
        assert_values(values, name, 0)
    assert dataset.labels.dtype == np.int64 and dataset.labels.tolist() == [0, 1, 2, 0, 1, 0, 1, 2]
    assert dataset.column("weight").dtype == np.float32  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="columns: expected some of"):
        dataset.column("wait")


def test_a_pickled_dataset_has_read_nothing(dataset: Dataset) -> None:
    size = len(pickle.dumps(Dataset(dataset.root)))
    assert dataset["a/03.jpg"].label == dataset.labels[0]
    copy = pickle.loads(pickle.dumps(dataset))
    assert len(pickle.dumps(dataset)) == size
    assert copy["a/03.jpg"].jpeg(3) == dataset["a/03.jpg"].jpeg(3)


def test_few_records_are_kept_where_memory_is_short(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pcr.dataset.image.INDEX_BYTES", 1)
    assert_same(Dataset(dataset.root))


def test_damage_in_the_place_of_an_image_is_an_error(dataset: Dataset, tmp_path: Path) -> None:
    """What is not an entry of its size is found; then the whole record is read, and refused."""
    shutil.copytree(dataset.root, tmp_path / "pcr")
    copy = Dataset(tmp_path / "pcr")
    record, index = copy.records[0], ImageIndex.read(copy.records[0])
    starts: list[int] = []

    def read(length: int, start: int) -> bytes:
        starts.append(start)
        return record.store.read(record.name, length, start)

    index.entry(read, 2, 3)
    data = bytearray(record.path.read_bytes())
    data[starts[0]] ^= 0xFF
    record.path.write_bytes(data)
    assert copy[2].jpeg(2) == dataset[2].jpeg(2)
    with pytest.raises(FormatError, match=r"PCR_0\.db: scan group of level 3"):
        copy[2].jpeg(3)


def test_a_truncated_record(dataset: Dataset, tmp_path: Path) -> None:
    shutil.copytree(dataset.root, tmp_path / "pcr")
    copy = Dataset(tmp_path / "pcr")
    for size in (0, 50, 4096, copy.records[1].file_bytes - 4096):
        with copy.records[1].path.open("r+b") as file:
            file.truncate(size)
        with pytest.raises(FormatError, match=r"PCR_1\.db: expected "):
            copy[5].jpeg()


def test_a_remote_image_takes_its_own_bytes_alone(dataset: Dataset, tmp_path: Path) -> None:
    from helpers.servers import web_server

    with web_server(dataset.root.parent, tmp_path) as server:
        remote = Dataset(f"{server.url}/pcr")
        assert remote[7].jpeg(1) == dataset[7].jpeg(1)  # its record's metadata is read
        server.served()
        assert remote[8].jpeg(3) == dataset[8].jpeg(3)
        ranges = server.served()
        assert len(ranges) == 3
        sizes = dataset[8].info.level_bytes[:3]
        assert sum(r.body_bytes for r in ranges) <= sum(sizes) + 3 * 6 + 4 * 20
        assert remote.names == dataset.names


@given(
    sizes=st.lists(st.integers(0, 70_000), min_size=1, max_size=3),
    page_bytes=st.sampled_from([4096, 16384]),
    data=st.data(),
)
def test_values_lie_where_sqlite_puts_them(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    page_bytes: int,
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.mktemp("tables") / "x.db"
    random = np.random.default_rng(len(sizes))
    values = [random.bytes(size) for size in sizes]
    names = [f"t{number}" for number in range(len(values))]
    with patch("pcr.dataset.layout.page_bytes", lambda *_: page_bytes):
        ends = _write_tables(path, names, values)
    file = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA page_size").fetchone()
    for start, end, value in zip([found, *ends], ends, values, strict=False):
        pages = BlobPages.of(start, end, found, len(value))
        if value:
            offset = data.draw(st.integers(0, len(value) - 1))
            length = data.draw(st.integers(1, len(value) - offset))
            note(f"{offset} {length}")
            read = pages.read(lambda n, at: file[at : at + n], offset, length)
            assert read == value[offset : offset + length]
        with pytest.raises(FormatError, match="pages"):
            BlobPages.of(start, end + found, found, len(value))
