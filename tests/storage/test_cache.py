"""The cache of prefixes: what it holds, serves and evicts, and what killed processes leave."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.loaders import drain, numpy_loader
from helpers.records import make_dataset
from helpers.servers import WebServer, find_nginx

from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.storage.cache import CacheDirectory, parse_size

ROOT = Path(__file__).parents[2]
Served = tuple[WebServer, str, Dataset]


def cached(root: Path) -> list[Path]:
    """The files of prefixes in a cache."""
    return sorted(path for path in root.rglob("PCR_*") if path.is_file())


def cached_bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in cached(root))


def prefix_bytes(dataset: Dataset, level: int) -> int:
    return sum(record.prefix_bytes[level] for record in dataset.records)


def test_the_second_epoch_and_the_second_run_ask_for_no_record(
    served: Served, tmp_path: Path
) -> None:
    server, url, local = served
    cache = {"cache": tmp_path / "c", "cache_limit": "1GB", "n_scans": 2}
    loader = numpy_loader(url, **cache)
    epochs = [drain(loader), drain(loader)]
    assert loader.source.requests == 1 + len(local.records)
    again = numpy_loader(url, **cache)
    server.served()
    assert [drain(again), drain(again)] == epochs
    assert server.served() == []
    plain = numpy_loader(local.root, n_scans=2)
    assert [drain(plain), drain(plain)] == epochs
    assert cached_bytes(tmp_path) == prefix_bytes(local, 2)


def test_a_higher_level_fetches_what_is_missing_and_a_lower_one_nothing(
    served: Served, tmp_path: Path
) -> None:
    server, url, local = served
    record = Dataset(url, cache=tmp_path, cache_limit=10**9).records[0]
    ends = record.prefix_bytes
    server.served()
    for level in (3, 7, 7, 2):
        assert record.read(level).data.tobytes() == local.records[0].read(level).data.tobytes()
    assert [request.range for request in server.served()] == [
        f"bytes=0-{ends[3] - 1}",
        f"bytes={ends[3]}-{ends[7] - 1}",
    ]
    assert cached_bytes(tmp_path) == ends[7]


def test_without_a_cache_nothing_is_written(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    drain(numpy_loader(served[1]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "longer"])
def test_a_damaged_file_is_fetched_again_and_counted(
    served: Served, tmp_path: Path, damage: str
) -> None:
    _, url, local = served
    dataset = Dataset(url, cache=tmp_path, cache_limit=10**9)
    dataset.records[0].read(5)
    (path,) = cached(tmp_path)
    data = path.read_bytes()
    end = len(data.rstrip(b"\0")) - 1
    path.write_bytes(
        {
            "flipped": data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :],
            "truncated": data[:5000],
            "empty": b"",
            "longer": data + b"more",
        }[damage]
    )
    expected = local.records[0].read(5).data.tobytes()
    assert dataset.records[0].read(5).data.tobytes() == expected
    assert dataset.store.counters.retries == (damage == "flipped")
    assert path.read_bytes()[: len(data)] == data
    assert dataset.records[0].read(5).data.tobytes() == expected


def test_another_version_of_the_dataset_has_files_of_its_own(
    web: tuple[WebServer, Path], tmp_path: Path
) -> None:
    folder, url = web[1] / "versions", f"{web[0].url}/versions"
    for sizes in ((3, 2), (2, 3)):
        local = make_dataset(folder, sizes)
        remote = Dataset(url, cache=tmp_path, cache_limit="1MB")
        for ours, theirs in zip(remote.records, local.records, strict=True):
            assert ours.read(1).data.tobytes() == theirs.read(1).data.tobytes()
        assert remote.store.counters.retries == 0
    shutil.rmtree(folder)


def test_the_limit_holds_and_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    directory = CacheDirectory(tmp_path, 100)
    for number in range(3):
        directory.keep(f"v/PCR_{number}", bytes(30))
        os.utime(tmp_path / "v" / f"PCR_{number}", (number, number))
    assert directory.read("v/PCR_0", 30) == bytes(30)  # marks it as used
    directory.keep("v/PCR_3", bytes(40))
    assert [path.name for path in cached(tmp_path)] == ["PCR_0", "PCR_2", "PCR_3"]
    directory.keep("v/PCR_4", bytes(101))
    assert [path.name for path in cached(tmp_path)] == ["PCR_0", "PCR_2", "PCR_3"]
    directory.keep("w/PCR_3", bytes(100))
    assert cached(tmp_path) == [tmp_path / "w" / "PCR_3"]


def test_growing_to_the_limit_counts_both_sizes(tmp_path: Path) -> None:
    directory = CacheDirectory(tmp_path, 100)
    for size in (10, 20, 60, 70):  # 60 and 70 do not fit beside each other
        directory.keep("v/PCR_0", bytes(size))
        assert cached_bytes(tmp_path) == size
    directory.keep("v/PCR_1", bytes(30))
    assert cached_bytes(tmp_path) == 100
    directory.keep("v/PCR_0", bytes(5))  # less than it holds
    assert cached_bytes(tmp_path) == 100


def test_a_smaller_limit_evicts_when_the_cache_is_opened(tmp_path: Path) -> None:
    directory = CacheDirectory(tmp_path, 100)
    for number in range(3):
        directory.keep(f"v/PCR_{number}", bytes(30))
    CacheDirectory(tmp_path, 50)
    assert cached_bytes(tmp_path) == 30


def test_a_lost_count_is_made_again(tmp_path: Path) -> None:
    directory = CacheDirectory(tmp_path, 100)
    directory.keep("v/PCR_0", bytes(60))
    (tmp_path / "total_bytes").write_text("")
    directory.keep("v/PCR_1", bytes(60))
    assert cached_bytes(tmp_path) == 60


def test_a_cache_that_cannot_be_written_is_a_warning(served: Served, tmp_path: Path) -> None:
    dataset = Dataset(served[1], cache=tmp_path / "c", cache_limit="1GB")
    shutil.rmtree(tmp_path / "c")
    with pytest.warns(UserWarning, match="nothing is cached") as warned:
        for record in dataset.records:
            record.read(1)
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1000, 1000),
        ("1000", 1000),
        ("500MB", 500_000_000),
        ("1.5 GiB", 1610612736),
        ("2T", 2 * 10**12),
    ],
)
def test_sizes(size: int | str, expected: int) -> None:
    assert parse_size(size) == expected


@pytest.mark.parametrize("limit", [None, 0, -1, "much", "10 PB", "GB"])
def test_limits_that_make_no_sense_are_refused(
    loader_root: Path, tmp_path: Path, limit: object
) -> None:
    with pytest.raises(UsageError, match=r"cache_limit: expected a size such as '10GB'"):
        Dataset(loader_root, cache=tmp_path, cache_limit=limit)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expected `cache` beside it"):
        Dataset(loader_root, cache_limit="1GB")


def test_readers_that_are_killed_leave_nothing_wrong() -> None:
    """tests/stress/cache_kills.py does the same more often."""
    find_nginx()
    done = subprocess.run(
        [sys.executable, ROOT / "tests/stress/cache_kills.py", "4"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("4 kills: nothing wrong served")
