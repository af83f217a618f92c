"""What is asked of stores over a network, against servers of S3 and HTTP and against faults."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from helpers.fault_proxy import FaultProxy, fault_proxy
from helpers.servers import BUCKET, WebServer, free_port

from pcr.errors import ObjectNotFoundError, StorageError, UsageError
from pcr.storage.remote import RemoteStore
from pcr.storage.retries import Retries
from pcr.storage.store import open_store

QUICK = Retries(first_pause_seconds=0.001, longest_pause_seconds=0.001, silence_seconds=1.0)
DATA = bytes(range(256)) * 40
S3_URL = f"s3://{BUCKET}/some where"


@pytest.fixture
def object_url(web: tuple[WebServer, Path]) -> str:
    (web[1] / "object").write_bytes(DATA)
    return web[0].url


def read(proxy: FaultProxy, retries: Retries = QUICK) -> tuple[bytes, RemoteStore]:
    store = RemoteStore(proxy.url, retries)
    return store.read("object", 1000, 5), store


def test_s3_gives_back_what_was_put_there(s3_environment: str, tmp_path: Path) -> None:
    store = open_store(S3_URL)
    file = tmp_path / "large"
    file.write_bytes(os.urandom(2**20) * 40)  # more than one part
    store.write("large", file)
    store.write("small", DATA)
    assert store.read("large") == file.read_bytes()
    assert store.read("small", 10, 7) == DATA[7:17]
    assert store.read("small", start=7) == DATA[7:]
    assert store.read("small", 0) == b""
    assert dict(store.names()) == {"large": 40 * 2**20, "small": len(DATA)}
    assert [name for name, _ in store.names("sm")] == ["small"]
    assert store.size("small") == len(DATA)
    store.delete("small")
    store.delete("small")
    assert store.size("small") is None
    assert store.counters.retries == 0


def test_a_range_is_one_request_of_its_bytes(web: tuple[WebServer, Path], object_url: str) -> None:
    store = open_store(object_url + "/")
    web[0].served()
    assert store.read("object", 1000, 5) == DATA[5:1005]
    (request,) = web[0].served()
    assert (request.range, request.status, request.body_bytes) == ("bytes=5-1004", 206, 1000)
    assert (store.counters.requests, store.counters.bytes_read) == (1, 1000)


def test_http_is_read_only(object_url: str) -> None:
    store = open_store(object_url)
    for refused in (lambda: store.write("a", b""), lambda: list(store.names())):
        with pytest.raises(StorageError, match="use s3://"):
            refused()


@pytest.mark.parametrize("fault", ["503", "429", "cut", "short", "silence", "stall", "drop"])
def test_a_fault_that_passes_is_tried_again_and_counted(object_url: str, fault: str) -> None:
    faults = [fault, fault, None]
    with fault_proxy(object_url, lambda number: faults[number]) as proxy:
        data, store = read(proxy)
    assert data == DATA[5:1005]
    assert (store.counters.requests, store.counters.retries) == (3, 2)
    assert proxy.faults() == [fault, fault]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("503", "503 Service Unavailable"),
        ("cut", "dropped"),
        ("short", "expected 1000 bytes, found 500"),
        ("silence", "no answer within the time-out"),
        ("drop", "dropped"),
    ],
)
def test_a_fault_that_stays_is_one_line(object_url: str, fault: str, said: str) -> None:
    with fault_proxy(object_url, lambda _: fault) as proxy, pytest.raises(StorageError) as caught:
        read(proxy)
    line = str(caught.value)
    assert line.startswith(f"{proxy.url}/object: bytes 5 to 1004: ")
    assert said in line and "tried 5 times" in line and "\n" not in line
    assert len(proxy.requests) == 5


def test_no_try_begins_after_the_total_time(object_url: str) -> None:
    patience = Retries(silence_seconds=0.1, total_seconds=0.05)
    with (
        fault_proxy(object_url, lambda _: "silence") as proxy,
        pytest.raises(StorageError, match="tried 1 times"),
    ):
        read(proxy, patience)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("whole", "expected a server that answers range requests with 206, found 200"),
        ("403", "access denied"),
        ("400", "400 Bad Request"),
    ],
)
def test_what_does_not_pass_is_not_tried_again(object_url: str, fault: str, said: str) -> None:
    with (
        fault_proxy(object_url, lambda _: fault) as proxy,
        pytest.raises(StorageError, match=said),
    ):
        read(proxy)
    assert len(proxy.requests) == 1


def test_a_server_that_is_gone_is_one_line() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StorageError, match=f"{url}/object: bytes 0 to 9: no connection"):
        RemoteStore(url, QUICK).read("object", 10)


def test_what_is_not_there_is_named(s3_environment: str, object_url: str) -> None:
    for url in (object_url, S3_URL):
        with pytest.raises(ObjectNotFoundError, match="nothing: bytes 0 to 9: there is no such"):
            open_store(url).read("nothing", 10)
        assert open_store(url).size("nothing") is None
    with pytest.raises(ObjectNotFoundError, match="no such bucket"):
        open_store("s3://no-such-bucket").read("a")


def test_missing_credentials_are_named(
    s3_environment: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # The service that gives credentials to machines in the cloud: there is none here.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StorageError, match="no credentials found: set AWS_ACCESS_KEY_ID"):
        RemoteStore(S3_URL, QUICK).read("a", 10)


def test_a_profile_is_enough(
    s3_environment: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    profile = tmp_path / "credentials"
    profile.write_text("[lab]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    store = open_store(S3_URL)
    store.write("profile", DATA)
    assert store.read("profile") == DATA


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/a", "expected a path, or a URL of s3://"),
        (Path("s3://bucket/a"), "expected s3:// with two slashes"),
        ("s3://", "expected a bucket or host"),
        ("https://host/a?token=hush", "without . and #"),
    ],
)
def test_urls_that_make_no_sense_are_refused(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        open_store(url)
    assert "hush" not in str(caught.value)


def test_credentials_in_a_url_are_not_printed() -> None:
    assert open_store("https://me:hush@host/data/").location == "https://host/data"


def test_a_store_reads_in_a_forked_process_and_from_a_pickle(object_url: str) -> None:
    store = open_store(object_url)
    store.read("object", 10)
    child = os.fork()
    if child == 0:
        os._exit(0 if store.read("object", 10) == DATA[:10] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.read("object", 10) == DATA[:10]  # its connections are still its own
    assert pickle.loads(pickle.dumps(store)).read("object", 10) == DATA[:10]
