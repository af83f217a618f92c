"""Images in object stores: the same dataset as of a folder, and what happens where they fail."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from helpers.conversions import PCR, dataset_bytes, fail, make_folder, run, succeed
from helpers.fault_proxy import fault_proxy
from helpers.servers import BUCKET, WebServer

from pcr.conversion.sources.local_folder import LocalFolder
from pcr.conversion.sources.store_folder import StoreFolder
from pcr.errors import FormatError
from pcr.imagefolder import ImageFolder
from pcr.storage.remote import RemoteStore
from pcr.storage.store import open_store

FLAGS = ("--batch_size", "8", "--quiet")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes and folders whose names sort otherwise with and without the slashes after them."""
    root = tmp_path_factory.mktemp("images")
    make_folder(root, {"cat": 5, "cat-b": 4, "Dog é": 4})
    make_folder(root / "cat", {"a": 3, "a-b": 3})
    make_folder(root / "cat" / "a", {"x": 2})
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "readme.txt").write_text("in no class")
    return root


@pytest.fixture
def url(source: Path, s3_environment: str) -> str:
    """The same images in a bucket."""
    url = f"s3://{BUCKET}/{uuid.uuid4()}"
    for path in source.rglob("*"):
        if path.is_file():
            open_store(url).write(path.relative_to(source).as_posix(), path)
    return url


def test_the_same_images_in_the_same_order(source: Path, url: str) -> None:
    local, remote = LocalFolder.scan(source), StoreFolder.scan(RemoteStore(url))
    assert (remote.classes, remote.samples) == (local.classes, local.samples)
    assert local.samples == ImageFolder.scan(source).samples
    for sample in remote.samples:
        assert remote.read(sample, 10**6) == local.read(sample, 10**6)
        assert remote.size_and_version(sample)[0] == local.size_and_version(sample)[0]
    with pytest.raises(FormatError, match="expected at most 10 bytes"):
        remote.read(remote.samples[0], 10)


def test_the_same_dataset(source: Path, url: str, tmp_path: Path) -> None:
    succeed(PCR, "convert", source, tmp_path / "local", *FLAGS)
    succeed(PCR, "convert", url, tmp_path / "remote", *FLAGS)
    assert dataset_bytes(tmp_path / "remote") == dataset_bytes(tmp_path / "local")
    for shard in ("1/2", "0/2"):
        succeed(PCR, "convert", url, f"{url}-out", *FLAGS, "--shard", shard)
    succeed(PCR, "merge", f"{url}-out")
    store = open_store(f"{url}-out")
    assert {name: store.read(name) for name, _ in store.names()} == dataset_bytes(
        tmp_path / "local"
    )


def test_appending_from_a_bucket(source: Path, url: str, tmp_path: Path) -> None:
    small = make_folder(tmp_path / "small", {"emu": 3})
    for images, out in ((source, "local"), (url, "remote")):
        succeed(PCR, "convert", small, tmp_path / out, *FLAGS)
        succeed(PCR, "convert", images, tmp_path / out, "--append", "--quiet")
    assert dataset_bytes(tmp_path / "remote") == dataset_bytes(tmp_path / "local")


def test_an_object_that_changes_between_shards(url: str, tmp_path: Path) -> None:
    store, out = open_store(url), tmp_path / "out"
    succeed(PCR, "convert", url, out, *FLAGS, "--shard", "0/2")
    data = store.read("cat/001.jpg")
    store.write("cat/001.jpg", data[:-2] + b"\0" + data[-2:])
    line = fail(PCR, "convert", url, out, *FLAGS, "--shard", "1/2")
    assert "have changed since shard 0 began" in line


def test_bad_objects(url: str, tmp_path: Path) -> None:
    open_store(url).write("cat/bad.jpg", b"?")
    line = fail(PCR, "convert", url, tmp_path / "out", *FLAGS)
    assert line.startswith(f"error: {url}/cat/bad.jpg: ")
    printed = succeed(PCR, "convert", url, tmp_path / "out", *FLAGS, "--on_bad_image", "skip")
    assert "1 image skipped" in printed


def test_an_object_that_goes_away_is_a_bad_image(url: str) -> None:
    folder = StoreFolder.scan(RemoteStore(url))
    open_store(url).delete(folder.samples[0].name)
    with pytest.raises(FileNotFoundError, match="No such file"):
        folder.read(folder.samples[0], 10**6)


def test_faulty_answers_are_asked_for_again(
    url: str, s3_environment: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    succeed(PCR, "convert", source, tmp_path / "local", *FLAGS)
    with fault_proxy(s3_environment, lambda n: {4: "503", 9: "cut"}.get(n % 10)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        succeed(PCR, "convert", url, tmp_path / "remote", *FLAGS)
        assert {*proxy.faults()} == {"503", "cut"}
    assert dataset_bytes(tmp_path / "remote") == dataset_bytes(tmp_path / "local")


def test_a_store_that_does_not_answer_is_no_bad_image(
    url: str, s3_environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that nothing is skipped for it."""
    with fault_proxy(s3_environment, lambda n: "503" if n > 4 else None) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        result = run(PCR, "convert", url, tmp_path / "out", *FLAGS, "--on_bad_image", "skip")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"{url}/" in line and "skip" not in line


def test_places_that_are_refused(
    url: str, source: Path, web: tuple[WebServer, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert "can be read, not listed" in fail(PCR, "convert", web[0].url, out, *FLAGS)
    assert "CLASS/IMAGE, found no such" in fail(PCR, "convert", f"{url}/nothing", out, *FLAGS)
    assert "outside the input" in fail(PCR, "convert", url, f"{url}/out", *FLAGS, code=2)
    line = fail(PCR, "convert", url, out, *FLAGS, "--convert_images", code=2)
    assert line.startswith("error: --convert_images: expected a folder as input")
    succeed(PCR, "convert", source, f"{url}-pcr", *FLAGS)
    assert "found a PCR dataset" in fail(PCR, "convert", f"{url}-pcr", out, *FLAGS)
    open_store(url).write("empty/notes.txt", b"no image")
    assert "found none in 'empty'" in fail(PCR, "convert", url, out, *FLAGS)
