"""Records: what is written is what is read, at every level and from every prefix."""

from __future__ import annotations

import io
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs, records, reference

from pcr._generated.pcr_pb2 import RecordMetadata, ScanGroup
from pcr.dataset import layout
from pcr.dataset.messages import ImageInfo, RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.record import join_groups
from pcr.dataset.tables import connect_image, cut_image
from pcr.dataset.writer import write_index, write_record
from pcr.errors import FormatError, UsageError
from pcr.ladder import Ladder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return records.make_dataset(tmp_path_factory.mktemp("dataset"), (7, 7, 3))


def test_every_image_is_there_with_the_pixels_of_its_source(dataset: Dataset) -> None:
    assert len(dataset) == 17 and [r.images for r in dataset.records] == [7, 7, 3]
    for record, size in zip(dataset.records, (7, 7, 3), strict=True):
        read = record.read(10)
        assert read.labels.tolist() == [i % 3 for i in range(size)]
        for image, source in enumerate(records.sources(size)):
            assert (jpegs.decode(read[image].tobytes()) == jpegs.decode(source)).all()


@pytest.mark.parametrize("level", range(1, 11))
def test_streaming_join_equals_the_join_of_whole_groups(dataset: Dataset, level: int) -> None:
    metadata, *groups = dataset.records[0].read_groups(level)
    read = dataset.records[0].read(level)
    parts = [ScanGroup.FromString(group).image_bytes for group in groups]
    whole = join_groups(metadata, groups)
    for data, offsets in ((whole.data, whole.offsets), reference.join(parts)):
        assert np.array_equal(read.data, np.frombuffer(bytes(data), dtype=np.uint8))
        assert read.offsets.tolist() == list(offsets)
    assert all(read[i][-2:].tobytes() == b"\xff\xd9" for i in range(len(read)))


@pytest.mark.parametrize("level", range(11))
def test_a_prefix_padded_with_zeros_holds_its_level(dataset: Dataset, level: int) -> None:
    record = dataset.records[0]
    prefix = record.path.read_bytes()[: record.prefix_bytes[level]]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(prefix.ljust(record.file_bytes, b"\0"))
        tables = [layout.METADATA_TABLE, *map(layout.scan_group_table, range(1, level + 1))]
        read = [connection.execute(f"SELECT value FROM {t}").fetchone()[0] for t in tables]
        assert read == dataset.records[0].read_groups(level)
        if level < 10:
            with pytest.raises(sqlite3.DatabaseError):
                connection.execute(f"SELECT value FROM scan_group_{level + 1}").fetchone()


@pytest.mark.parametrize("images", [1, 40, 600])
def test_a_prefix_is_hardly_longer_than_its_groups(tmp_path: Path, images: int) -> None:
    sources = [records.sources(12)[i % 12] for i in range(images)]
    index = records.write(tmp_path / "PCR_0.db", sources, Ladder.load("standard"))
    for level in range(1, 11):
        groups = sum(index.group_bytes[1 : level + 1])
        assert groups < index.prefix_bytes[level] <= 1.02 * groups + 128 * 1024
    assert index.prefix_bytes[-1] == index.file_bytes == (tmp_path / "PCR_0.db").stat().st_size


def test_a_prefix_is_whole_whatever_the_number_of_levels(tmp_path: Path) -> None:
    scans = ["0 1 2: 0-0, 0, 0;", *(f"0: {k}-{k}, 0, 0;" for k in range(1, 48))]
    scans += ["0: 48-63, 0, 0;", "1: 1-63, 0, 0;", "2: 1-63, 0, 0;"]
    path = tmp_path / "PCR_0.db"
    index = records.write(path, records.sources(1), Ladder.parse("many", "\n".join(scans)))
    prefix = path.read_bytes()[: index.prefix_bytes[48]]
    with closing(connect_image(cut_image(prefix, 49, "here"), "here")) as connection:
        (value,) = connection.execute("SELECT value FROM scan_group_48").fetchone()
    assert len(value) == index.group_bytes[48]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (records.make_dataset(tmp_path / name, (5, 2)) for name in "ab")
    for name in (layout.INDEX_FILE, "PCR_0.db", "PCR_1.db"):
        assert (first.root / name).read_bytes() == (second.root / name).read_bytes()


def test_grayscale_images_have_empty_chroma_levels(dataset: Dataset) -> None:
    info = dataset.records[0].info()
    gray = [image for image in info.images if image.components == 1]
    assert len(gray) == 2
    chroma_levels = [3, 4, 8, 9]
    assert all(image.level_bytes[k - 1] == 0 for image in gray for k in chroma_levels)
    assert all(image.level_bytes[k - 1] > 0 for image in gray for k in (1, 2, 5, 6, 7, 10))


def test_names_of_any_bytes_survive() -> None:
    image = ImageInfo("a/\udcff\n.jpg", 2, 3, 1, 6, (4, 5))
    info = RecordInfo(np.array([1], dtype=np.int32), 2, (image,))
    decoded = RecordInfo.decode(info.encode(), "here")
    assert decoded.images == (image,) and decoded.labels.tolist() == [1]


def test_any_sqlite_client_reads_a_record(dataset: Dataset) -> None:
    with closing(sqlite3.connect(dataset.records[0].path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")]
        assert names == ["metadata", *(f"scan_group_{k}" for k in range(1, 11))]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sizes = [connection.execute(f"SELECT length(value) FROM {n}").fetchone()[0] for n in names]
    assert tuple(sizes) == dataset.records[0].entry.group_bytes


@pytest.mark.parametrize("level", [0, 11, -1, True, 2.0, "3"])
def test_levels_that_do_not_exist_are_refused(dataset: Dataset, level: object) -> None:
    with pytest.raises(UsageError, match="n_scans"):
        dataset.check_level(level)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="level: expected") as refused:
        dataset.records[0].read(level)  # type: ignore[arg-type]
    assert refused.value.parameter == "level"


def test_without_a_level_all_levels_are_read(dataset: Dataset) -> None:
    record = dataset.records[2]
    assert record.read().data.tobytes() == record.read(record.levels).data.tobytes()
    assert record.read_groups() == record.read_groups(10) and len(record.read_groups(0)) == 1


def test_datasets_and_records_say_what_they_are(dataset: Dataset) -> None:
    for told, words in (
        (
            dataset,
            ("Dataset", str(dataset.root), "17 images", "3 classes", "3 records", "standard"),
        ),
        (dataset.records[1], ("Record", "PCR_1.db", "7 images", "10 levels")),
        (dataset.info.ladder, ("Ladder", "standard", "10 levels")),
    ):
        assert all(word in repr(told) for word in words) and len(repr(told)) < 300
    assert dataset.records[1].number == 1


def test_metadata_of_countless_images_is_refused_before_objects_are_made_of_it() -> None:
    images = 200_000
    labels = RecordMetadata(labels=[0] * images, progressive_levels=10).SerializeToString()
    tracemalloc.start()
    with pytest.raises(FormatError, match=r"PCR_0\.db: expected 10 sizes of an image, found 0"):
        RecordInfo.decode(labels + b"\x1a\x00" * images, "PCR_0.db")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    labels = RecordMetadata(labels=[0] * (2**20 + 1), progressive_levels=1).SerializeToString()
    with pytest.raises(FormatError, match="record of more than 1048576 images"):
        RecordInfo.decode(labels, "PCR_0.db")


def test_a_record_of_another_dataset_or_none_is_refused(tmp_path: Path) -> None:
    dataset = records.make_dataset(tmp_path / "d", (4, 5))
    (dataset.root / "PCR_0.db").write_bytes((dataset.root / "PCR_1.db").read_bytes())
    with pytest.raises(FormatError, match=r"PCR_0\.db"):
        dataset.records[0].read(1)
    (dataset.root / "PCR_1.db").unlink()
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected a record"):
        dataset.records[1].read(1)


@pytest.mark.parametrize(
    "read",
    [
        lambda dataset: dataset.records[0].read(1),
        lambda dataset: dataset.records[0].info(),
        lambda dataset: dataset.labels,
        lambda dataset: dataset[2].label,
        lambda dataset: dataset[2].jpeg(),
    ],
)
def test_labels_beyond_the_classes_are_refused(
    tmp_path: Path, read: Callable[[Dataset], object]
) -> None:
    dataset = records.make_dataset(tmp_path / "d", (4,))
    info = replace(dataset.info, classes=("only",))
    write_index(dataset.root, info, [record.entry for record in dataset.records])
    dataset = Dataset(dataset.root)
    with pytest.raises(FormatError, match="expected 4 labels below 1, found 4 up to 2"):
        read(dataset)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    info = RecordInfo(np.array([], dtype=np.int32), 1, ())
    with pytest.raises(OSError, match="unable to open database file"):
        write_record(tmp_path / "nowhere" / "PCR_0.db", info, [[b""]])
    with pytest.raises(FormatError, match="put fewer images into a record"):
        write_record(tmp_path / "PCR_0.db", info, [[_Huge()]])
    assert not list(tmp_path.iterdir())


class _Huge(io.BytesIO):
    """Pretends to be a scan group too large for SQLite."""

    def __len__(self) -> int:
        return layout.MAX_GROUP_BYTES + 1
