"""Conversions into object stores: the bytes of a local one, however often they are stopped."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from helpers.conversions import (
    ADVANCED,
    PCR,
    dataset_bytes,
    fail,
    make_folder,
    run_process,
    succeed,
)
from helpers.fault_proxy import fault_proxy
from helpers.servers import BUCKET, WebServer

import pcr
from pcr.conversion.merging import merge
from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset import layout
from pcr.errors import DatasetError, ObjectNotFoundError, StorageError
from pcr.storage.store import open_store

OPTIONS = ConversionOptions(images_per_record=8)
FLAGS = ("--batch_size", "8", "--quiet")


@pytest.fixture
def url(s3_environment: str) -> str:
    """A place in a bucket where nothing is."""
    return f"s3://{BUCKET}/{uuid.uuid4()}"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def stored(url: str) -> dict[str, bytes]:
    """The files of a dataset at a URL but for the timings, by name."""
    store = open_store(url)
    names = set(layout.dataset_files(store)) - {layout.TIMINGS_FILE}
    return {name: store.read(name) for name in names}


def test_the_dataset_is_that_of_a_local_conversion(
    photos: Path, converted: Path, url: str, scratch: Path
) -> None:
    printed = succeed(PCR, "convert", photos, f"{url}/", *FLAGS)
    assert printed.startswith(f"{url}: 19 images in 3 records")
    assert stored(url) == dataset_bytes(converted)
    assert not list(scratch.iterdir())
    assert len(pcr.Dataset(url)) == 19


@pytest.mark.parametrize("stopped_after", ["PCR_plan.jsonl", "PCR_0.db", "PCR_1.db"])
def test_a_killed_conversion_resumes_elsewhere(
    photos: Path, converted: Path, url: str, stopped_after: str
) -> None:
    words = [*PCR.words, "convert", str(photos), url, *FLAGS, "--num_workers", "1"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    store = open_store(url)
    while store.size(stopped_after) is None:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    if store.size(layout.INDEX_FILE) is None:
        assert "found a conversion that was interrupted" in fail(PCR, "info", url)
    convert(photos, url, OPTIONS, progress=False)
    assert stored(url) == dataset_bytes(converted)


def test_a_store_that_fails_for_good_stops_it_and_nothing_is_lost(
    photos: Path, converted: Path, url: str, s3_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_proxy(s3_environment) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        proxy.choose = lambda _: "403" if proxy.put_names() >= {"PCR_1.db"} else None
        with pytest.raises(StorageError, match=rf"{url}/PCR_plan\.jsonl: access denied"):
            convert(photos, url, OPTIONS, progress=False)
        proxy.choose = lambda number: "503" if number % 7 == 3 else None
        summary = convert(photos, url, OPTIONS, progress=False)
        assert "503" in proxy.faults()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_environment)
    assert summary.resumed_records == 1
    assert stored(url) == dataset_bytes(converted)


def test_an_append_is_that_of_a_local_one(photos: Path, url: str, tmp_path: Path) -> None:
    first = make_folder(tmp_path / "first", {"cat": 5})
    for place in (url, tmp_path / "local"):
        convert(first, place, OPTIONS, progress=False)
        summary = convert(photos, place, append=True, progress=False)
        assert (summary.base_images, summary.images) == (5, 14)
    assert stored(url) == dataset_bytes(tmp_path / "local")


def test_what_is_there_is_replaced_as_on_a_disk(
    photos: Path, converted: Path, url: str, tmp_path: Path
) -> None:
    other = make_folder(tmp_path / "other", {"cat": 30})
    convert(other, url, OPTIONS, progress=False)
    with pytest.raises(DatasetError, match=f"{url}: already holds a dataset: use `force`"):
        convert(photos, url, OPTIONS, progress=False)
    open_store(url).write("notes.txt", b"mine")
    convert(photos, url, OPTIONS, force=True, progress=False)
    assert stored(url) == dataset_bytes(converted)
    assert open_store(url).read("notes.txt") == b"mine"

    open_store(url).delete(layout.INDEX_FILE)
    with pytest.raises(DatasetError, match=r"already holds PCR_0\.db but no index"):
        convert(photos, url, OPTIONS, progress=False)
    open_store(url).write(layout.INDEX_FILE, b"of another program")
    with pytest.raises(DatasetError, match="found another kind, which is never replaced"):
        convert(photos, url, OPTIONS, force=True, progress=False)


def test_restart_drops_what_is_unfinished(photos: Path, converted: Path, url: str) -> None:
    bad = ConversionOptions(images_per_record=4)
    records = convert(photos, url, bad, progress=False).records
    store = open_store(url)
    plan = b'{"format_version": 1, "fingerprint": "", "base_records": 0, "images": 19, '
    store.write(layout.PLAN_FILE, plan + b'"options": {}, "record_starts": [0]}\n')
    store.delete(layout.INDEX_FILE)
    with pytest.raises(DatasetError, match="holds an unfinished conversion that began with"):
        convert(photos, url, OPTIONS, progress=False)
    assert records == 5
    convert(photos, url, OPTIONS, restart=True, progress=False)
    assert stored(url) == dataset_bytes(converted)


def test_shards_are_merged_at_the_url(photos: Path, converted: Path, url: str) -> None:
    for index in (1, 0):
        convert(photos, url, OPTIONS, shard=(index, 2), progress=False)
    assert "found shards that are not merged" in fail(PCR, "info", url)
    assert merge(url).images == 19
    assert stored(url) == dataset_bytes(converted)
    assert succeed(PCR, "merge", url).startswith(f"{url}: 19 images")


def test_all_files_of_the_advanced_converter_go_up(photos: Path, url: str, tmp_path: Path) -> None:
    pytest.importorskip("tfrecord", reason="of the extra 'datasets'")
    flags = ("--tf_records", *FLAGS, "--on_bad_image", "skip")
    (photos / "cat" / "bad.jpg").write_bytes(b"bad")
    try:
        succeed(ADVANCED, photos, tmp_path / "local", *flags)
        succeed(ADVANCED, photos, url, *flags, "--mssim_estimate_size", "1")
    finally:
        (photos / "cat" / "bad.jpg").unlink()
    found, local = stored(url), layout.dataset_files(open_store(tmp_path / "local"))
    assert found.pop(layout.QUALITY_FILE).startswith(b"ladder,level,")
    assert set(found) == set(local) - {layout.TIMINGS_FILE}
    assert {layout.REPORT_FILE, "PCR_0.tfrecord.idx"} <= set(found)
    for name in found:
        assert found[name] == (tmp_path / "local" / name).read_bytes()


def test_places_that_take_no_dataset(
    photos: Path, url: str, web: tuple[WebServer, Path], tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="use s3://, gs:// or az://"):
        convert(photos, f"{web[0].url}/out", OPTIONS, progress=False)
    with pytest.raises(ObjectNotFoundError, match="s3://no-bucket/out: there is no such bucket"):
        convert(photos, "s3://no-bucket/out", OPTIONS, progress=False)
    result = run_process(PCR, "convert", photos, "ftp://host/out")
    assert result.returncode == 2
    assert "ftp://host/out: expected a path, or a URL of s3://" in result.stderr
