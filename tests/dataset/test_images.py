"""Single images of a dataset: right at every level, and read without the others."""

from __future__ import annotations

import pickle
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
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
from pcr.dataset.column_types import ColumnValues
from pcr.dataset.image_index import ImageIndex
from pcr.dataset.reader import Dataset
from pcr.dataset.record import Record
from pcr.dataset.writer import _write_tables
from pcr.errors import FormatError, UsageError
from pcr.extension import native
from pcr.tools.image_export import export


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


@pytest.mark.parametrize("level", [2, 10])
def test_images_are_those_that_export_writes(dataset: Dataset, tmp_path: Path, level: int) -> None:
    export(dataset.root, tmp_path / "out", level, progress=False)
    for image in dataset:
        assert image.jpeg(level) == (tmp_path / "out" / image.name).read_bytes()


def test_small_records_and_columns_within(tmp_path: Path) -> None:
    small = column_samples.make_dataset(tmp_path)
    assert_same(small)
    for number in range(len(small)):
        for name in column_samples.NAMES:
            assert_values([small[number].column(name)], name, number)


def test_images_by_position_and_name(dataset: Dataset) -> None:
    infos = [info for record in dataset.records for info in record.info().images]
    assert dataset.names == [info.name for info in infos]
    assert [image.name for image in dataset] == dataset.names
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


def test_a_column_is_read_once_for_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = column_samples.make_dataset(tmp_path)
    reads: list[tuple[int, str]] = []

    def counted(record: Record, names: list[str]) -> dict[str, ColumnValues]:
        reads.extend((record.number, name) for name in names)
        return columns(record, names)

    columns = Record.columns
    monkeypatch.setattr(Record, "columns", counted)
    for name in ("facts", "original"):
        assert_values([image.column(name) for image in dataset], name, 0)
    assert reads == [(0, "facts"), (1, "facts"), (0, "original"), (1, "original")]
    monkeypatch.setattr("pcr.dataset.image.COLUMN_BYTES", 1)
    dataset = Dataset(tmp_path)
    for number in (0, 1, 5, 2):  # the first, second and fourth are of record 0
        assert_values([dataset[number].column("facts")], "facts", number)
    assert reads[4:] == [(0, "facts"), (1, "facts"), (0, "facts")]


@pytest.mark.parametrize("name", ["boxes", "facts", "embedding"])
def test_what_is_done_to_a_value_stays_with_it(tmp_path: Path, name: str) -> None:
    image = column_samples.make_dataset(tmp_path)[1]
    value = image.column(name)
    if isinstance(value, dict):
        value["b"] = 1
    else:
        value[:] = 0
    assert_values([image.column(name)], name, 1)


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


def test_a_record_that_is_cut_or_goes_while_its_images_are_read(
    dataset: Dataset, tmp_path: Path
) -> None:
    shutil.copytree(dataset.root, tmp_path / "pcr")
    copy = Dataset(tmp_path / "pcr")
    copy[5].jpeg()
    record = copy.records[1]
    with record.path.open("r+b") as file:
        file.truncate(record.file_bytes // 2)
    expected = rf"PCR_1\.db: expected {record.file_bytes} bytes, found {record.file_bytes // 2}"
    with pytest.raises(FormatError, match=expected):
        copy[5].jpeg()
    record.path.unlink()
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected a record, found: No such file"):
        copy[5].jpeg()


@pytest.mark.parametrize("offset", [-4, 0])
def test_pages_that_do_not_follow_each_other_are_an_error(
    dataset: Dataset, tmp_path: Path, offset: int
) -> None:
    """The pointers are those of the leaf page, and of the page after it."""
    shutil.copytree(dataset.root, tmp_path / "pcr")
    copy = Dataset(tmp_path / "pcr")
    index = ImageIndex.read(copy.records[0])
    starts, pages = index.starts[9], index.pages[9]
    image = int(np.searchsorted(starts, pages.first_bytes, side="right")) - 1
    assert copy[image].jpeg() == dataset[image].jpeg()
    with copy.records[0].path.open("r+b") as file:
        file.seek(pages.overflow + offset)
        file.write((1).to_bytes(4, "big"))
    with pytest.raises(FormatError, match=r"PCR_0\.db: "):
        copy[image].jpeg()


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


def test_remote_images_share_their_threads(dataset: Dataset, tmp_path: Path) -> None:
    """Forked children and pickled copies start their own."""
    from helpers.servers import web_server

    jpegs = [image.jpeg(3) for image in dataset]
    with (
        web_server(dataset.root.parent, tmp_path) as server,
        patch("pcr.kept_threads.ThreadPoolExecutor", wraps=ThreadPoolExecutor) as pools,
    ):
        remote = Dataset(f"{server.url}/pcr")
        assert [image.jpeg(3) for image in remote] == jpegs
        assert pools.call_count == 1
        assert [image.jpeg(3) for image in pickle.loads(pickle.dumps(remote))] == jpegs
        assert pools.call_count == 2
        child = get_context("fork").Process(target=_check, args=(remote, jpegs))
        child.start()
        child.join(60)
        assert child.exitcode == 0


def _check(dataset: Dataset, jpegs: list[bytes]) -> None:
    assert [image.jpeg(3) for image in dataset] == jpegs


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
        pieces = [[value[: len(value) // 3], value[len(value) // 3 :]] for value in values]
        ends = _write_tables(path, names, pieces)
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
