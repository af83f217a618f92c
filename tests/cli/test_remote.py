"""Commands take URLs as they stand, and say them in messages without credentials."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.conversions import PCR, contents, fail, run, succeed
from helpers.fault_proxy import fault_proxy
from helpers.servers import BUCKET, WebServer

from pcr.cli.text import short_size
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.storage.store import open_store
from pcr.tools.dataset_copy import copy
from pcr.tools.verification import verify


@pytest.fixture(scope="module")
def url(web: tuple[WebServer, Path], converted: Path) -> str:
    """``converted`` on a web server."""
    shutil.copytree(converted, web[1] / "commands")
    return f"{web[0].url}/commands"


@pytest.fixture
def folder_url(s3_environment: str, converted: Path) -> str:
    """A folder of a bucket with three datasets: finished, of first levels, and unfinished."""
    folder = f"s3://{BUCKET}/listed"
    copy(converted, f"{folder}/whole", progress=False)
    copy(converted, f"{folder}/coarse", 2, progress=False)
    open_store(f"{folder}/begun").write("PCR_0.db", b"")
    open_store(f"{folder}/begun").write(layout.COPY_FILE, b"{}")
    open_store(f"{folder}/photos").write("cat.jpg", b"")
    return folder


def test_info_names_the_url(url: str, converted: Path) -> None:
    printed, local = succeed(PCR, "info", url), succeed(PCR, "info", converted)
    assert printed.splitlines()[0] == url
    assert printed.splitlines()[1:] == local.splitlines()[1:]
    assert succeed(PCR, "info", f"file://{converted}") == local
    with_password = url.replace("http://", "http://user:secret@")
    assert succeed(PCR, "info", with_password) == printed


@pytest.mark.parametrize("words", [["info"], ["verify"], ["ls"], ["show", "a/b"], ["profile"]])
def test_what_is_missing_is_named_by_its_url(url: str, words: list[str], tmp_path: Path) -> None:
    place = f"{url}/nothing".replace("http://", "http://user:secret@")
    command, *rest = words
    line = fail(PCR, command, place, *rest)
    assert f"{url}/nothing" in line
    assert "secret" not in line


def test_verify_reads_each_record_once(
    web: tuple[WebServer, Path], url: str, converted: Path
) -> None:
    web[0].served()
    *lines, counters = succeed(PCR, "verify", url, "--quiet").splitlines()
    assert lines == ["PCR.db OK", "PCR_0.db OK", "PCR_1.db OK", "PCR_2.db OK"]
    got = [request for request in web[0].served() if request.method == "GET"]
    for record in Dataset(converted).records:
        ours = [request for request in got if request.path.endswith(f"/{record.name}")]
        assert [request.body_bytes for request in ours] == [record.file_bytes]
    read = sum(request.body_bytes for request in got)
    assert counters == f"8 requests, 0 retries, {read:,} bytes read"


def test_verify_finds_damage_and_tells_it_from_that_of_the_way(
    web: tuple[WebServer, Path], url: str, dataset: Path
) -> None:
    shutil.rmtree(web[1] / "verified", ignore_errors=True)
    shutil.copytree(dataset, web[1] / "verified")
    damaged = web[1] / "verified"
    (damaged / "PCR_0.db").write_bytes((dataset / "PCR_0.db").read_bytes() + b"\0")
    data = bytearray((dataset / "PCR_1.db").read_bytes())
    data[9000] ^= 1
    (damaged / "PCR_1.db").write_bytes(data)
    (damaged / "PCR_2.db").unlink()
    result = run(PCR, "verify", f"{web[0].url}/verified", "--quiet")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert "bytes, found" in lines[1]
    assert "expected checksum" in lines[2]
    assert lines[3:5] == [
        "PCR_2.db FAILED (expected a record, found none)",
        "3 of 4 files FAILED",
    ]
    flips = {5: "flip"}  # a record: requests 2, 4 and 6 ask for sizes where one follows the other
    with fault_proxy(web[0].url, flips.get) as proxy:
        assert not [v for v in verify(f"{proxy.url}/commands") if v.failure]
        assert proxy.faults() == ["flip"]


def test_verify_looks_past_a_cache(url: str, tmp_path: Path) -> None:
    dataset = Dataset(url, cache=tmp_path, cache_limit="1MB")
    assert [verdict.failure for verdict in verify(dataset)] == [None] * 4
    assert dataset.store.counters.bytes_read > sum(r.file_bytes for r in dataset.records)
    assert not list(tmp_path.rglob("PCR_*"))


def test_verify_finds_records_that_the_index_does_not_know(folder_url: str) -> None:
    open_store(f"{folder_url}/whole").write("PCR_7.db", b"")
    result = run(PCR, "verify", f"{folder_url}/whole", "--quiet")
    open_store(f"{folder_url}/whole").delete("PCR_7.db")
    assert "PCR_7.db FAILED (the index has no such record)" in result.stdout


def test_ls_lists_records(url: str, converted: Path) -> None:
    records = Dataset(converted).records
    lines = succeed(PCR, "ls", url).splitlines()
    assert lines[0] == f"{url}: 19 images in 3 records"
    assert lines[1].split() == ["record", "images", "1", *(f"1-{k}" for k in range(2, 11))]
    assert [line.split()[:2] for line in lines[2:6]] == [
        ["PCR_0.db", "8"],
        ["PCR_1.db", "8"],
        ["PCR_2.db", "3"],
        ["all", "19"],
    ]
    assert max(map(len, lines)) <= 80
    titles, *rows = succeed(PCR, "ls", converted, "--plain").splitlines()
    assert titles.split("\t")[:3] == ["record", "images", "bytes_1"]
    assert [row.split("\t") for row in rows] == [
        [r.name, str(r.images), *map(str, r.prefix_bytes[1:])] for r in records
    ]


def test_ls_lists_images(url: str, converted: Path) -> None:
    dataset = Dataset(converted)
    heading, titles, *lines, note = succeed(PCR, "ls", url, "--images").splitlines()
    assert heading == f"{url}: 19 images in 3 records"
    assert titles.split()[:5] == ["image", "class", "size", "1", "1-2"]
    assert note == "1, 1-2, …: bytes of these levels of the image"
    for image, line in zip(dataset, lines, strict=True):
        name, of_class, size, *by_level = line.split()
        assert (name, of_class) == (image.name, dataset.classes[image.label])
        assert size == f"{image.info.width}x{image.info.height}"
        assert by_level[-1] == short_size(len(image.jpeg()) - 2)  # without the EOI
    titles, *rows = succeed(PCR, "ls", converted, "--images", "--plain").splitlines()
    assert titles.split("\t")[:6] == ["image", "label", "class", "width", "height", "bytes_1"]
    for image, row in zip(dataset, rows, strict=True):
        name, label, of_class, width, height, *sizes = row.split("\t")
        assert (name, int(label)) == (image.name, image.label)
        assert of_class == ("cat", "dog")[image.label]
        assert (int(width), int(height)) == (image.info.width, image.info.height)
        assert [*map(int, sizes)] == [len(image.jpeg(level)) - 2 for level in range(1, 11)]
    assert "expected a PCR dataset, found no PCR.db" in fail(
        PCR, "ls", converted.parent, "--images"
    )


def test_ls_lists_datasets(folder_url: str, converted: Path, tmp_path: Path) -> None:
    size = sum(record.file_bytes for record in Dataset(converted).records)
    titles, *rows = succeed(PCR, "ls", folder_url, "--plain").splitlines()
    assert titles.split("\t") == ["dataset", "images", "records", "levels", "bytes"]
    assert [row.split("\t") for row in rows if not row.startswith("coarse")] == [
        ["begun", "", "", "", "unfinished"],
        ["whole", "19", "3", "10", str(size)],
    ]
    assert "coarse" in rows[1]
    lines = succeed(PCR, "ls", f"{folder_url}/").splitlines()
    assert [line.split()[0] for line in lines] == ["dataset", "begun", "coarse", "whole"]

    local = shutil.copytree(converted, tmp_path / "folder" / "set").parent
    assert succeed(PCR, "ls", local, "--plain").splitlines()[1].split("\t")[:2] == ["set", "19"]
    (local / "set" / layout.INDEX_FILE).write_bytes(b"damaged")
    assert succeed(PCR, "ls", local).split()[-1] == "damaged"
    assert "expected a dataset, or a folder with datasets in it, found neither" in fail(
        PCR, "ls", tmp_path
    )


def test_tools_read_from_urls(url: str, converted: Path, tmp_path: Path) -> None:
    succeed(PCR, "export", url, tmp_path / "out", "--n_scans", "2", "--quiet")
    for name, _, jpeg in contents(converted, 2):
        assert (tmp_path / "out" / name).read_bytes() == jpeg
    succeed(PCR, "show", url, "cat/000.jpg", "--out", tmp_path / "cat.png")
    succeed(PCR, "profile", url, "--sample", "1", "--out", tmp_path, "--quiet")
    assert (tmp_path / "cat.png").exists() and (tmp_path / "profile.csv").exists()
