"""The index: what is damaged, unfinished or made by a stranger is refused."""

from __future__ import annotations

import gc
import os
import pickle
import sqlite3
import struct
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import records
from helpers.datasets import failures
from sqlitedict import SqliteDict

from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index
from pcr.errors import DatasetError, FormatError


def test_an_index_of_an_earlier_release_is_read() -> None:
    """Fields are found by their numbers, whatever their names are today."""
    written = b"\x08\x01\x12\x03ant\x12\x03bee\x18\x05\x20\x02\x28\x0a\x32\x01l\x3a\x01t\x40\x03\x48\x09\x52\x04none"
    info = DatasetInfo.decode(written, "PCR.db")
    assert info.classes == ("ant", "bee") and info.images_per_record == 3
    assert (info.images, info.records, info.levels, info.seed) == (5, 2, 10, 9)
    assert info.encode() == written


def test_a_directory_that_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"found no PCR\.db"):
        Dataset(tmp_path)
    with pytest.raises(DatasetError, match="expected the directory"):
        Dataset(tmp_path / "nowhere")
    (tmp_path / layout.PLAN_FILE).write_bytes(b"")
    with pytest.raises(DatasetError, match="run the same conversion again"):
        Dataset(tmp_path)


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    dataset = records.make_dataset(tmp_path / "d", (2,))
    path = dataset.root / layout.INDEX_FILE
    whole = path.read_bytes()
    for length in (0, 50, 99, 100, 4096, len(whole) - 4096):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"PCR\.db"):
            Dataset(dataset.root)
    path.write_bytes(whole.replace(b"records", b"recordz"))
    with pytest.raises(FormatError, match=r"PCR\.db"):
        Dataset(dataset.root)


def test_an_index_never_unpickles(tmp_path: Path) -> None:
    """A pickle in place of the metadata is refused as a message, and not run."""

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    dataset = records.make_dataset(tmp_path / "d", (1,))
    path = str(dataset.root / layout.INDEX_FILE)
    with SqliteDict(path, tablename=layout.DATASET_TABLE, encode=sqlite3.Binary) as table:
        table[layout.DATASET_KEY] = pickle.dumps(Bomb())
        table.commit()
    with pytest.raises(FormatError):
        Dataset(dataset.root)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"records": 2**24}, "expected 16777216 records, found 1"),
        ({"records": 0}, "expected 0 records, found 1"),
        ({"images": 2**60}, "expected 1152921504606846976 images in records, found 2"),
    ],
)
def test_an_index_that_promises_too_much_is_refused(
    tmp_path: Path, changes: dict[str, int], complaint: str
) -> None:
    dataset = records.make_dataset(tmp_path / "d", (2,))
    info = replace(dataset.info, **changes)  # type: ignore[arg-type]
    write_index(dataset.root, info, [record.entry for record in dataset.records])
    with pytest.raises(FormatError, match=complaint):
        Dataset(dataset.root)


@pytest.mark.parametrize("images", [1000, 2**20 + 1, 2**31])
def test_an_index_with_more_images_than_a_record_can_hold_is_refused(
    tmp_path: Path, images: int
) -> None:
    dataset = records.make_dataset(tmp_path / "d", (2,))
    (entry,) = [record.entry for record in dataset.records]
    assert entry.group_bytes[0] < 1000
    info = replace(dataset.info, images=images)
    write_index(dataset.root, info, [replace(entry, images=images)])
    with pytest.raises(FormatError, match=rf"images in a record, found {images}"):
        Dataset(dataset.root)


@pytest.mark.parametrize(
    "statements",
    [
        "DROP TABLE records; CREATE TABLE records (key TEXT PRIMARY KEY, "
        "value BLOB GENERATED ALWAYS AS (zeroblob(999999999)) VIRTUAL)",
        "DROP TABLE records; CREATE VIEW records AS WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL "
        "SELECT i + 1 FROM n) SELECT CAST(i AS TEXT) AS key, zeroblob(999999999) AS value FROM n",
        "DROP TABLE records; CREATE TABLE records (key TEXT PRIMARY KEY, value BLOB, "
        "CHECK (hex(hex(zeroblob(249999999))) > ''))",
        "CREATE TABLE more (value BLOB)",
        "DROP TABLE records",
    ],
)
def test_an_index_with_other_tables_is_refused(tmp_path: Path, statements: str) -> None:
    """What a stranger's schema would compute is not computed."""
    dataset = records.make_dataset(tmp_path / "d", (2,))
    with closing(sqlite3.connect(dataset.root / layout.INDEX_FILE)) as connection:
        connection.executescript(statements)
    with pytest.raises(
        FormatError, match=r"PCR\.db: expected the tables dataset and records .* alone"
    ):
        Dataset(dataset.root)


@pytest.mark.parametrize("value", [10**9, 1.5, "text", None])
def test_an_index_entry_that_is_no_blob_is_refused(tmp_path: Path, value: object) -> None:
    dataset = records.make_dataset(tmp_path / "d", (2,))
    with closing(sqlite3.connect(dataset.root / layout.INDEX_FILE)) as connection:
        connection.execute("UPDATE records SET value = ?", (value,))
        connection.commit()
    with pytest.raises(FormatError, match=rf"PCR\.db: .* value of type {type(value).__name__}"):
        Dataset(dataset.root)


def test_reading_an_index_plays_back_no_journal(tmp_path: Path) -> None:
    """A stranger's journal may name a super-journal, any file, that SQLite then deletes."""
    dataset = records.make_dataset(tmp_path / "d", (2,))
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    index = dataset.root / layout.INDEX_FILE
    # https://sqlite.org/fileformat2.html#the_rollback_journal; pager.c, writeSuperJournal
    pages, name = index.stat().st_size // 4096, os.fsencode(victim)
    header = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">5I", 0, 0, pages, 512, 4096)
    lock_page = 0x40000000 // 4096 + 1
    super_journal = struct.pack(">I", lock_page) + name + struct.pack(">2I", len(name), sum(name))
    journal = index.with_name(index.name + "-journal")
    journal.write_bytes(header.ljust(512, b"\0") + super_journal + header[:8])
    before = index.read_bytes(), journal.read_bytes()
    assert Dataset(dataset.root).records == dataset.records
    assert victim.exists() and (index.read_bytes(), journal.read_bytes()) == before


def test_an_index_of_another_size_than_it_says(tmp_path: Path) -> None:
    """Refused before it is read: there may be no memory for it."""
    path = records.make_dataset(tmp_path, (2,)).root / layout.INDEX_FILE
    os.truncate(path, 200 * 2**30)
    for _ in range(2):
        with pytest.raises(FormatError, match=rf"PCR\.db: expected \d+ bytes, found {200 * 2**30}"):
            Dataset(tmp_path)
        with path.open("r+b") as file:  # its header says that it is as large as can be
            file.seek(16)
            file.write(struct.pack(">H", 1))
            file.seek(28)
            file.write(struct.pack(">I", 200 * 2**30 // 65536))


def test_a_record_that_is_a_directory(tmp_path: Path) -> None:
    """Also where a directory has the size of the record."""
    dataset = records.make_dataset(tmp_path, (2,))
    path, entry = dataset.records[0].path, dataset.records[0].entry
    path.unlink()
    path.mkdir()
    size = path.stat().st_size
    forged = replace(entry, file_bytes=size, prefix_bytes=(size,) * 11, group_bytes=(10, *[0] * 10))
    if size:
        write_index(tmp_path, dataset.info, [forged])
    reason = r"PCR_0\.db: expected a record, found: a directory, not a regular file"
    for read in (lambda: Dataset(tmp_path).records[0].read(1), Dataset(tmp_path).records[0].info):
        with pytest.raises(FormatError, match=reason):
            read()
    assert "a directory" in failures(tmp_path)["PCR_0.db"]


def test_records_are_a_sequence_made_of_the_index(tmp_path: Path) -> None:
    dataset = records.make_dataset(tmp_path, (2, 1, 3))
    assert [(record.number, record.images) for record in dataset.records] == [
        (0, 2),
        (1, 1),
        (2, 3),
    ]
    assert dataset.records[-1] == dataset.records[2] == dataset.records[1:][1]
    with pytest.raises(IndexError):
        dataset.records[3]


@pytest.mark.parametrize("enabled", [True, False])
def test_reading_an_index_leaves_the_collector_of_garbage_as_it_was(
    enabled: bool, tmp_path: Path
) -> None:
    root, was_enabled = records.make_dataset(tmp_path, (2,)).root, gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        Dataset(root)
        assert gc.isenabled() == enabled
    finally:
        gc.enable() if was_enabled else gc.disable()
