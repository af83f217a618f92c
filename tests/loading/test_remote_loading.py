"""Loaders over URLs: the images of the local dataset, by one request a record, whatever fails."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.fault_proxy import FAULTS, fault_proxy
from helpers.loaders import drain, numpy_loader
from helpers.random_faults import KINDS, at_rate, read_epochs
from helpers.servers import WebServer, free_port, web_server
from helpers.toy_data import make_folder, make_pcr

from pcr.dataset.reader import Dataset
from pcr.errors import StorageError, UsageError
from pcr.loading.iterator import PCRIterator
from pcr.loading.read_ahead import ReadAhead
from pcr.storage.remote import RemoteStore
from pcr.storage.retries import Retries

QUICK = Retries(first_pause_seconds=0.001, longest_pause_seconds=0.001, silence_seconds=1.0)

Served = tuple[WebServer, str, Dataset]


@pytest.mark.parametrize("level", [1, 2, 10])
def test_an_epoch_is_one_request_of_the_prefix_for_each_record(served: Served, level: int) -> None:
    server, url, local = served
    loader = numpy_loader(url, 8, n_scans=level)
    server.served()
    for epoch in (1, 2):
        assert drain(loader) == drain(loader_at(local, level, epoch - 1))
        requests = server.served()
        moved = sum(request.body_bytes for request in requests)
        assert len(requests) == len(local.records)
        assert moved == sum(record.prefix_bytes[level] for record in local.records)
        assert loader.source.requests == 1 + epoch * len(local.records)
        assert loader.source.bytes_read == epoch * moved
    assert loader.source.retries == 0
    assert loader.source.read_wait_seconds > 0


def loader_at(local: Dataset, level: int, epoch: int) -> object:
    loader = numpy_loader(local.root, 8, n_scans=level)
    loader.set_epoch(epoch)
    return loader


def test_loaders_of_an_open_dataset_fetch_no_index(served: Served) -> None:
    server, url, local = served
    dataset = Dataset(url)
    server.served()
    loaders = [numpy_loader(dataset, 8, n_scans=level) for level in (1, 2)]
    assert server.served() == []
    assert [drain(one) for one in loaders] == [drain(loader_at(local, k, 0)) for k in (1, 2)]
    assert len(server.served()) == 2 * len(local.records)


def test_an_open_dataset_takes_no_cache(served: Served, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cache: expected none beside a Dataset that is open"):
        PCRIterator(Dataset(served[1]), 8, cache=tmp_path, cache_limit="1MB")


@pytest.mark.parametrize("concurrent_reads", [2, 3, 20])
def test_concurrent_reads_keep_the_order(loader_root: Path, concurrent_reads: int) -> None:
    options = {"shuffle_buffer_records": 1}
    one = drain(numpy_loader(loader_root, 5, concurrent_reads=1, **options))
    assert drain(numpy_loader(loader_root, 5, concurrent_reads=concurrent_reads, **options)) == one


def test_that_many_reads_are_in_flight(served: Served) -> None:
    server, _, local = served
    together = threading.Barrier(3, timeout=30)  # each request waits for two others

    def wait(number: int) -> None:
        if 1 <= number <= 3:  # after the index
            together.wait()

    with fault_proxy(server.url, wait) as proxy:
        source = PCRIterator(f"{proxy.url}/dataset", 27, concurrent_reads=3)  # of three records
        assert sum(len(labels) for _, labels in source) == len(local)
    assert not together.broken


def test_the_first_record_is_fetched_before_others() -> None:
    """So that it has all of the bandwidth."""
    is_made = threading.Event()

    def make(number: int) -> bool:
        if number == 0:
            is_made.wait(0.05)  # in which others could begin
            is_made.set()
        return is_made.is_set()

    with ReadAhead((n for n in range(9)), 4, threads=4, finish=make, first=1) as arrivals:
        assert list(arrivals) == 9 * [True]


@pytest.mark.parametrize("concurrent_reads", [1, 4])
def test_an_epoch_survives_faults_and_counts_each(served: Served, concurrent_reads: int) -> None:
    server, _, local = served
    passing = [fault for fault in FAULTS if fault != "whole"]
    faults = [None, *(fault for one in passing for fault in (one, None, None))]  # after the index
    with fault_proxy(server.url, lambda number: [*faults, *40 * [None]][number]) as proxy:
        dataset = RemoteStore(f"{proxy.url}/dataset", QUICK)
        loader = numpy_loader(dataset, 8, n_scans=2, concurrent_reads=concurrent_reads)
        ours = [drain(loader) for _ in range(6)]
        assert sorted(proxy.faults()) == sorted(passing)  # some at the same time
    plain = numpy_loader(local.root, 8, n_scans=2)
    assert ours == [drain(plain) for _ in range(6)]
    retries = loader.source.retries  # more than faults, where the machine itself was silent
    assert retries >= len(passing)
    assert loader.source.requests == 1 + 6 * len(local.records) + retries


def test_epochs_survive_faults_drawn_at_random(tmp_path: Path) -> None:
    """As tests/stress/network_faults.py, which is silent for as long as networks are."""
    make_folder(tmp_path / "images", 42)
    for name in ("files", "nginx"):
        (tmp_path / name).mkdir()
    local = Dataset(make_pcr(tmp_path / "images", tmp_path / "files" / "dataset", batch_size=1))
    patient = replace(QUICK, silence_seconds=0.5)
    with web_server(tmp_path / "files", tmp_path / "nginx") as server:
        outcome = read_epochs(local, server.url, at_rate(0.05, seed=11), patient, [1, 5])
    assert outcome.wrong_epochs == 0
    assert outcome.faults.keys() == KINDS.keys()
    assert outcome.retries >= outcome.faults.total() - outcome.harmless  # more on a busy machine
    assert outcome.requests == 1 + 2 * len(local.records) + outcome.retries


def test_a_server_that_goes_away_is_one_line_and_leaves_no_thread(served: Served) -> None:
    server, _, _ = served
    before = threading.enumerate()
    with fault_proxy(server.url, lambda number: "drop" if number > 2 else None) as proxy:
        loader = numpy_loader(RemoteStore(f"{proxy.url}/dataset", QUICK), 2)
        with pytest.raises(StorageError, match=r"PCR_\d.db: bytes 0 to .*tried 5 times") as caught:
            drain(loader)
    assert "\n" not in str(caught.value)
    loader.close()
    gc.collect()
    readers = [thread for thread in threading.enumerate() if thread.name == "pcr-records"]
    assert all(thread in before for thread in readers)


def test_a_loader_that_is_closed_tries_nothing_again(served: Served) -> None:
    server, _, _ = served
    stubborn = Retries(tries=10**9, total_seconds=10**9, longest_pause_seconds=0.001)
    with fault_proxy(server.url, lambda number: "drop" if number > 1 else None) as proxy:
        store = RemoteStore(f"{proxy.url}/dataset", stubborn)
        options = {"shuffle_buffer_records": 1, "prefetch_batches": 1}
        loader = numpy_loader(store, 2, concurrent_reads=1, **options)
        batches = iter(loader)
        next(batches)
        loader.close()  # or it would wait for ever
        assert next(batches, None) is None


def test_no_server_is_one_line() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StorageError, match=f"{url}/PCR.db: no connection"):
        numpy_loader(RemoteStore(url, QUICK))
