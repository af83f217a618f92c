"""Copies of datasets: identical, or with the first levels alone; checked, and resumed when stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import records
from helpers.conversions import PCR, contents, dataset_bytes, fail, run_process, succeed
from helpers.fault_proxy import fault_proxy
from helpers.servers import BUCKET, WebServer
from helpers.special_files import special_file

import pcr
from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo, ImageInfo, RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index, write_record
from pcr.errors import DatasetError, FormatError, StorageError, UsageError
from pcr.ladder import Ladder
from pcr.storage.local import LocalStore
from pcr.storage.lock import locked
from pcr.storage.retries import FETCHES
from pcr.storage.store import open_store
from pcr.tools.dataset_copy import copy
from pcr.tools.verification import verify


@pytest.fixture
def bucket_url(s3_environment: str) -> str:
    """A place in a bucket where nothing is."""
    return f"s3://{BUCKET}/{uuid.uuid4()}"


@pytest.fixture
def served(web: tuple[WebServer, Path], converted: Path) -> Iterator[str]:
    """``converted`` on a web server."""
    shutil.copytree(converted, web[1] / "served")
    yield f"{web[0].url}/served"
    shutil.rmtree(web[1] / "served")


def stored_bytes(location: str) -> dict[str, bytes]:
    """The files at a location that belong to a dataset, by name."""
    store = open_store(location)
    names = [name for name, _ in store.names("PCR") if layout.is_dataset_file(name)]
    return {name: store.read(name) for name in names}


def assert_verified(location: str | Path) -> None:
    assert [v.failure for v in verify(location, decode=True)] == [None] * 4


def test_from_disk_to_a_bucket_to_a_bucket_to_disk(
    converted: Path, bucket_url: str, tmp_path: Path
) -> None:
    summary = copy(converted, f"{bucket_url}/a", progress=False)
    assert (summary.images, summary.records, summary.levels) == (19, 3, 10)
    copy(f"{bucket_url}/a", f"{bucket_url}/b/", progress=False)
    last = copy(f"{bucket_url}/b", f"file://{tmp_path}/new/copy", progress=False)
    assert last.copied_bytes == last.dataset_bytes == summary.dataset_bytes
    assert dataset_bytes(tmp_path / "new" / "copy") == dataset_bytes(converted)
    assert stored_bytes(f"{bucket_url}/a") == dataset_bytes(converted)


def test_records_of_several_pieces_are_the_same(bucket_url: str, tmp_path: Path) -> None:
    root = tmp_path / "large"
    root.mkdir()
    ladder = Ladder.load("baseline")
    image = ImageInfo("ant/0.jpg", 1, 1, 1, 1, (20 * 2**20,))
    info = RecordInfo(np.zeros(1, dtype=np.int32), 1, (image,))
    entry = write_record(root / "PCR_0.db", info, [[os.urandom(20 * 2**20)]]).index
    dataset = DatasetInfo(records.CLASSES, 1, 1, 1, ladder.name, ladder.text, 1, 0, "none")
    write_index(root, dataset, [entry])
    copy(root, bucket_url, progress=False)
    assert stored_bytes(bucket_url) == dataset_bytes(root)


@pytest.mark.parametrize("levels", [1, 3, 9])
def test_first_levels_are_a_dataset_that_needs_their_bytes_alone(
    web: tuple[WebServer, Path], served: str, converted: Path, tmp_path: Path, levels: int
) -> None:
    source = Dataset(converted)
    web[0].served()
    summary = copy(served, tmp_path / "copy", levels, progress=False)
    requests = [request for request in web[0].served() if "/PCR_" in request.path]
    ranges = [request for request in requests if request.method == "GET"]
    prefixes = [record.prefix_bytes[levels] for record in source.records]
    assert sorted(request.body_bytes for request in ranges) == sorted(prefixes)
    assert summary.copied_bytes == sum(prefixes)

    found = Dataset(tmp_path / "copy")
    assert (found.levels, found.info.ladder.levels) == (levels, levels)
    assert found.info.source_bytes == source.info.source_bytes
    for level in range(1, levels + 1):
        assert contents(found.root, level) == contents(converted, level)
    with pytest.raises(UsageError, match=f"expected a level between 1 and {levels}"):
        found.check_level(levels + 1)
    assert_verified(found.root)


def test_first_levels_of_first_levels(converted: Path, bucket_url: str, tmp_path: Path) -> None:
    copy(converted, f"{bucket_url}/5", 5, progress=False)
    copy(f"{bucket_url}/5", f"{bucket_url}/2", 2, progress=False)
    copy(converted, tmp_path / "2", 2, progress=False)
    assert stored_bytes(f"{bucket_url}/2") == dataset_bytes(tmp_path / "2")
    assert Dataset(tmp_path / "2").info.ladder_name == "vision-first-2"
    pcr.export(f"{bucket_url}/2", tmp_path / "images", progress=False)
    name, _, jpeg = contents(converted, 2)[0]
    assert (tmp_path / "images" / name).read_bytes() == jpeg
    iterator = pcr.PCRIterator(tmp_path / "2", batch_size=4)
    assert iterator.num_images == 19


def test_first_levels_are_not_appended_to(photos: Path, converted: Path, tmp_path: Path) -> None:
    copy(converted, tmp_path / "copy", 3, progress=False)
    with pytest.raises(DatasetError, match="a copy with the first 3 alone: append to the dataset"):
        pcr.convert(photos, tmp_path / "copy", append=True, progress=False)
    ladder = Dataset(tmp_path / "copy").info.ladder
    with pytest.raises(UsageError, match="ladder: expected a ladder that sends all bits"):
        pcr.ConversionOptions(ladder)


@pytest.mark.parametrize("levels", [10, 4])
def test_what_is_there_whole_is_kept_and_the_rest_mended(
    converted: Path, bucket_url: str, levels: int
) -> None:
    copy(converted, bucket_url, levels, progress=False)
    whole, store = stored_bytes(bucket_url), open_store(bucket_url)
    flipped = bytearray(whole["PCR_1.db"])
    flipped[-1000] ^= 1
    for damage in (
        lambda: store.delete("PCR_1.db"),
        lambda: store.write("PCR_1.db", bytes(flipped)),
        lambda: store.write("PCR_1.db", whole["PCR_1.db"][:-4096]),
    ):
        damage()
        summary = copy(converted, bucket_url, levels, progress=False)
        assert (summary.kept_records, summary.records) == (2, 3)
        assert stored_bytes(bucket_url) == whole


@pytest.mark.parametrize("levels", [10, 4])
def test_a_killed_copy_resumes(
    converted: Path, bucket_url: str, tmp_path: Path, levels: int
) -> None:
    words = [str(converted), bucket_url, "--n_scans", str(levels), "--concurrent_reads", "1"]
    process = subprocess.Popen([*PCR.words, "copy", *words], stderr=subprocess.DEVNULL)
    store = open_store(bucket_url)
    while store.size("PCR_0.db") is None:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    if process.returncode == -signal.SIGKILL and store.size(layout.INDEX_FILE) is None:
        line = fail(PCR, "info", bucket_url)
        assert line.startswith(
            f"error: {bucket_url}: expected a finished PCR dataset, found a copy"
        )
    printed = succeed(PCR, "copy", *words, "--quiet")
    assert " kept" in printed
    copy(converted, tmp_path / "whole", levels, progress=False)
    assert stored_bytes(bucket_url) == dataset_bytes(tmp_path / "whole")


def test_faults_on_the_way_are_tried_again(
    converted: Path, bucket_url: str, s3_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(converted, bucket_url, progress=False)
    faults = {4: "503", 7: "cut", 12: "drop", 16: "503"}
    with fault_proxy(s3_environment, faults.get) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        summary = copy(bucket_url, f"{bucket_url}-copy", progress=False, concurrent_reads=1)
        assert len(proxy.faults()) == 4
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_environment)
    assert summary.retries > 0
    assert stored_bytes(f"{bucket_url}-copy") == dataset_bytes(converted)


@pytest.mark.parametrize("levels", [10, 4])
def test_bytes_damaged_on_the_way_are_read_again(
    web: tuple[WebServer, Path], served: str, converted: Path, tmp_path: Path, levels: int
) -> None:
    flips = iter([None, "flip"])  # the index, the first record

    with fault_proxy(web[0].url, lambda _: next(flips, None)) as proxy:
        summary = copy(
            f"{proxy.url}/served", tmp_path / "copy", levels, progress=False, concurrent_reads=1
        )
    assert summary.retries == 1
    assert contents(tmp_path / "copy") == contents(converted, levels)


@pytest.mark.parametrize("levels", [10, 4])
@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_source_is_never_a_finished_copy(
    dataset: Path, tmp_path: Path, damage: str, levels: int
) -> None:
    path = dataset / "PCR_1.db"
    data = bytearray(path.read_bytes())
    group = Dataset(dataset).records[1].read_groups(2)[2]
    data[data.index(group[-20:])] ^= 1
    path.write_bytes(data if damage == "flipped" else data[:-1])
    with pytest.raises((FormatError, StorageError), match=r"PCR_1\.db: .*expected"):
        copy(dataset, tmp_path / "copy", levels, progress=False)
    with pytest.raises(DatasetError, match="found a copy that was interrupted: run the same copy"):
        Dataset(tmp_path / "copy")


def test_what_arrived_is_read_back(
    converted: Path, bucket_url: str, s3_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that gives back other bytes than it took."""
    with fault_proxy(s3_environment, lambda _: None) as proxy:
        flips = iter(FETCHES * ["flip"])
        proxy.choose = lambda _: next(flips, None) if "PCR_0.db" in proxy.put_names() else None
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        with pytest.raises(
            StorageError, match=r"PCR_0\.db: expected checksum .* of what was written"
        ):
            copy(converted, bucket_url, progress=False, concurrent_reads=1)
        proxy.choose = lambda _: None
        before = len(proxy.requests)
        copy(converted, f"{bucket_url}-2", progress=False, read_back=False)
        got = [request for request in proxy.requests[before:] if request.method == "GET"]
        assert not [request for request in got if ".db" in request.path]


def test_nothing_else_is_replaced_without_force(converted: Path, tmp_path: Path) -> None:
    other = records.make_dataset(tmp_path / "other", (2, 2, 2, 2)).root
    (other / "notes.txt").write_text("mine")
    before = dataset_bytes(other)
    for levels in (None, 4):
        with pytest.raises(DatasetError, match="already holds another dataset, or one of other"):
            copy(converted, other, levels, progress=False)
    assert dataset_bytes(other) == before
    copy(converted, other, force=True, progress=False)
    assert dataset_bytes(other) == dataset_bytes(converted)
    assert (other / "notes.txt").read_text() == "mine"

    (other / layout.INDEX_FILE).unlink()
    with pytest.raises(DatasetError, match=r"holds PCR_0\.db but no PCR\.db: use `force`"):
        copy(converted, other, progress=False)
    (other / layout.COPY_FILE).write_text("{}")
    with pytest.raises(DatasetError, match="holds an unfinished copy of another dataset"):
        copy(converted, other, progress=False)
    (other / layout.INDEX_FILE).write_text("of another program")
    with pytest.raises(DatasetError, match="found another kind, which is never replaced"):
        copy(converted, other, force=True, progress=False)


def test_places_that_no_copy_goes_to(
    converted: Path, web: tuple[WebServer, Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="expected another place than the source"):
        copy(converted, f"{converted}/../{converted.name}", progress=False)
    with pytest.raises(StorageError, match="use s3://, gs:// or az://"):
        copy(converted, f"{web[0].url}/copy", progress=False)
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="expected an output directory, found a file"):
        copy(converted, tmp_path / "file", progress=False)
    for kind in ("dangling link", "link in a circle"):
        with (
            special_file(tmp_path / kind, kind),
            pytest.raises(DatasetError, match="directory, found a link that leads nowhere"),
        ):
            copy(converted, tmp_path / kind, progress=False)
    with pytest.raises(UsageError, match="n_scans: expected a level between 1 and 10, found 11"):
        copy(converted, tmp_path / "new", 11, progress=False)
    assert not (tmp_path / "new").exists()


def test_two_copies_do_not_write_to_one_directory(converted: Path, tmp_path: Path) -> None:
    with (
        locked(LocalStore(tmp_path)),
        pytest.raises(DatasetError, match="another process is writing here"),
    ):
        copy(converted, tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_did(converted: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    first = run_process(PCR, "copy", converted, out, "--n_scans", "2", "--quiet")
    size = sum(record.file_bytes for record in Dataset(out).records)
    assert first.stdout == (
        f"{out}: 19 images in 3 records, 2 levels, {size:,} bytes\n"
        f"  3 records copied by reading {size:,} bytes\n"
    )
    assert "0 records copied" in succeed(PCR, "copy", converted, out, "--n-scans", "2", "--quiet")
    line = fail(PCR, "copy", converted, out)
    assert line.endswith("another dataset, or one of other levels: use --force to replace it")
