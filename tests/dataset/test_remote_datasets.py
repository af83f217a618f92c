"""Datasets at URLs: the same images as on disk, by one request of the prefix's bytes for each record."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.fault_proxy import fault_proxy
from helpers.servers import BUCKET, WebServer

from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.dataset.record import RecordImages
from pcr.dataset.tables import closing, connect_image, cut_image
from pcr.errors import DatasetError, FormatError, StorageError
from pcr.storage.remote import RemoteStore
from pcr.storage.retries import Retries
from pcr.storage.store import open_store

QUICK = Retries(first_pause_seconds=0.001, longest_pause_seconds=0.001, silence_seconds=1.0)


def assert_same(found: RecordImages, expected: RecordImages) -> None:
    assert np.array_equal(found.data, expected.data)
    assert np.array_equal(found.offsets, expected.offsets)
    assert np.array_equal(found.labels, expected.labels)


@pytest.mark.parametrize("level", [1, 2, 9, 10])
def test_a_level_is_one_request_of_its_prefix(
    served: tuple[WebServer, str, Dataset], level: int
) -> None:
    server, url, local = served
    remote = Dataset(url)
    server.served()
    for ours, theirs in zip(remote.records, local.records, strict=True):
        assert_same(ours.read(level), theirs.read(level))
    requests = server.served()
    assert [request.body_bytes for request in requests] == [
        record.prefix_bytes[level] for record in local.records
    ]
    assert {request.status for request in requests} == {206}


def test_the_index_is_one_request(served: tuple[WebServer, str, Dataset]) -> None:
    server, url, local = served
    server.served()
    remote = Dataset(url)
    assert [request.path for request in server.served()] == ["/dataset/PCR.db"]
    assert remote.info == local.info
    assert [record.entry for record in remote.records] == [r.entry for r in local.records]
    assert remote.location == url
    assert repr(url) in repr(remote)
    assert remote.records[1].location == f"{url}/PCR_1.db"
    assert remote.records[1].info().images == local.records[1].info().images
    for refused in (lambda: remote.root, lambda: remote.records[0].path):
        with pytest.raises(DatasetError, match=r"expected a .* in a local directory"):
            refused()


def test_datasets_in_object_stores_are_read(s3_environment: str, loader_root: Path) -> None:
    url = f"s3://{BUCKET}/dataset"
    store = open_store(url)
    for path in loader_root.iterdir():
        store.write(path.name, path)
    assert_same(Dataset(url).records[3].read(2), Dataset(loader_root).records[3].read(2))


def test_a_dataset_reads_in_other_processes(served: tuple[WebServer, str, Dataset]) -> None:
    _, url, local = served
    remote = Dataset(url)
    expected = local.records[0].read(3).data.tobytes()
    child = os.fork()
    if child == 0:
        os._exit(0 if remote.records[0].read(3).data.tobytes() == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pickle.loads(pickle.dumps(remote)).records[0].read(3).data.tobytes() == expected
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(first_image_bytes, (remote,)) == remote.records[0].read(1)[0].tobytes()


def first_image_bytes(dataset: Dataset) -> bytes:
    return dataset.records[0].read(1)[0].tobytes()


@pytest.mark.parametrize("level", range(11))
def test_a_cut_record_holds_its_levels_and_no_more(loader_root: Path, level: int) -> None:
    record = Dataset(loader_root).records[0]
    prefix = record.path.read_bytes()[: record.prefix_bytes[level]]
    with closing(connect_image(cut_image(prefix, level + 1, "record"), "record")) as connection:
        tables = [layout.METADATA_TABLE, *map(layout.scan_group_table, range(1, level + 1))]
        found = [connection.execute(f"SELECT value FROM {t}").fetchone()[0] for t in tables]
        assert found == record.read_groups(level)
        assert connection.execute("PRAGMA integrity_check").fetchone() is not None
        names = connection.execute("SELECT name FROM sqlite_schema").fetchall()
        assert [name for (name,) in names] == tables


@pytest.fixture
def damaged(web: tuple[WebServer, Path], loader_root: Path) -> Iterator[tuple[Path, str]]:
    """A served copy of a dataset to damage: its folder and its URL."""
    copy = Path(shutil.copytree(loader_root, web[1] / "damaged"))
    yield copy, f"{web[0].url}/damaged"
    shutil.rmtree(copy)


def read_all(url: str, level: int = 2) -> None:
    dataset = Dataset(RemoteStore(url, QUICK))
    for record in dataset.records:
        record.read(level)


def test_damage_where_it_lies_is_fetched_twice_then_named(damaged: tuple[Path, str]) -> None:
    folder, url = damaged
    path = folder / "PCR_1.db"
    data = bytearray(path.read_bytes())
    data[len(data.rstrip(b"\0")) - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        FormatError, match=rf"^{url}/PCR_1.db: expected .* \(also when fetched again\)$"
    ):
        read_all(url, 10)


def test_a_truncated_record_is_named(damaged: tuple[Path, str]) -> None:
    folder, url = damaged
    path = folder / "PCR_1.db"
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(StorageError, match=f"^{url}/PCR_1.db: bytes 0 to .*found 9000"):
        read_all(url, 10)


@pytest.mark.parametrize("name", ["PCR.db", "PCR_1.db"])
def test_bytes_of_another_kind_are_refused(damaged: tuple[Path, str], name: str) -> None:
    folder, url = damaged
    (folder / name).write_bytes(b"<html>" * 20000)
    with pytest.raises(FormatError, match=f"^{url}/{name}: expected an SQLite file"):
        read_all(url)


def test_a_truncated_index_is_refused(damaged: tuple[Path, str]) -> None:
    folder, url = damaged
    index = folder / "PCR.db"
    index.write_bytes(index.read_bytes()[:4096])
    with pytest.raises(FormatError, match=f"^{url}/PCR.db: expected \\d+ bytes, found \\d+"):
        read_all(url)


def test_where_no_dataset_is_there_is_an_error_that_says_why(damaged: tuple[Path, str]) -> None:
    folder, url = damaged
    (folder / "PCR.db").unlink()
    with pytest.raises(DatasetError, match=f"^{url}: expected a PCR dataset, found no PCR.db"):
        read_all(url)
    (folder / "PCR_plan.jsonl").touch()
    with pytest.raises(DatasetError, match=r"found a conversion that was interrupted"):
        read_all(url)


def test_damage_by_the_network_is_fetched_once_more_and_counted(
    served: tuple[WebServer, str, Dataset],
) -> None:
    server, _, local = served
    faults = ["short", None, "flip", None]  # of the index, and of the first record
    with fault_proxy(server.url, lambda number: faults[number]) as proxy:
        remote = Dataset(RemoteStore(f"{proxy.url}/dataset", QUICK))
        assert_same(remote.records[0].read(2), local.records[0].read(2))
    assert (remote.store.counters.requests, remote.store.counters.retries) == (4, 2)
    assert proxy.faults() == ["short", "flip"]
