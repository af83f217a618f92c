"""Conversions on a Ray cluster of two nodes, one of which is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from helpers.conversions import (
    ADVANCED,
    PCR,
    dataset_bytes,
    fail,
    make_folder,
    succeed,
)
from helpers.killed_conversions import assert_same_dataset

from pcr.dataset import layout
from pcr.storage.store import open_store

OPTIONS = ("--batch_size", "2", "--quiet")  # many records, so that there is time to interrupt


needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="needs Ray, the extra ray")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("source"), {"cat": 200, "dog": 200})


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converted") / "out"
    succeed(PCR, "convert", source, out, *OPTIONS)
    return out


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head, where nothing is converted, and one node of one CPU."""
    utilities = pytest.importorskip("ray.cluster_utils")
    cluster = utilities.Cluster()
    try:
        for cpus in (0, 1):
            cluster.add_node(num_cpus=cpus, object_store_memory=80 * 2**20, include_dashboard=False)
        yield cluster
    finally:
        cluster.shutdown()


def begin(cluster: Any, source: Path, out: Path, *flags: str) -> subprocess.Popen[str]:
    words = [*PCR.words, "convert", source, out, *OPTIONS, "--engine", "ray", *flags]
    return subprocess.Popen(
        [*map(str, words), "--ray_address", cluster.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_node_is_killed(cluster: Any, source: Path, converted: Path, tmp_path: Path) -> None:
    """The one that converts: its shards go to the node that joins after that."""
    out, node = tmp_path / "out", cluster.list_all_nodes()[-1]
    running = begin(cluster, source, out)
    while running.poll() is None and not (out / layout.record_file(3)).exists():
        os.sched_yield()
    assert running.poll() is None
    cluster.remove_node(node, allow_graceful=False)
    cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    printed, errors = running.communicate()
    assert running.returncode == 0, errors
    assert "400 images in 200 records" in printed
    assert errors == "" and "raylet" not in printed
    assert_same_dataset(out, converted)


@pytest.mark.slow
def test_ctrl_c_and_resuming(cluster: Any, source: Path, converted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    running = begin(cluster, source, out)
    while running.poll() is None and not (out / layout.record_file(1)).exists():
        os.sched_yield()
    running.send_signal(signal.SIGINT)
    printed, errors = running.communicate()
    assert (running.returncode, printed) == (130, ""), errors
    (line,) = errors.splitlines()
    assert line.startswith("error: interrupted by signal SIGINT")
    assert line.endswith("to resume after the last complete record")
    assert layout.shard_plans(open_store(out)) and not (out / layout.INDEX_FILE).exists()
    running = begin(cluster, source, out)
    assert "400 images in 200 records" in running.communicate()[0]
    assert_same_dataset(out, converted)


@pytest.mark.slow
def test_a_bad_image_is_reported_as_locally(cluster: Any, tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", {"cat": 20})
    (source / "cat" / "bad.jpg").write_bytes(b"?")
    expected = fail(PCR, "convert", source, tmp_path / "here", *OPTIONS)
    running = begin(cluster, source, tmp_path / "there")
    assert running.communicate() == ("", expected + "\n")
    assert running.returncode == 1
    running = begin(cluster, source, tmp_path / "there", "--on_bad_image", "skip")
    assert "1 image skipped" in running.communicate()[0]
    succeed(PCR, "convert", source, tmp_path / "here", *OPTIONS, "--on_bad_image", "skip")
    assert_same_dataset(tmp_path / "there", tmp_path / "here")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--ray_address", "auto"), "--ray_address: needs --engine ray"),
        (("--engine", "ray", "--shard", "0/2"), "--engine: cannot be combined with --shard"),
        (("--engine", "ray", "--convert_images"), "cannot be combined with --convert_images"),
    ],
)
def test_wrong_usage(source: Path, tmp_path: Path, flags: tuple[str, ...], expected: str) -> None:
    assert expected in fail(ADVANCED, source, tmp_path / "out", *flags, code=2)


def test_without_ray(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    line = fail(ADVANCED, source, tmp_path / "out", "--engine", "ray", code=2)
    assert "pip install 'progressive-compressed-records[ray]'" in line


@needs_ray
def test_a_finished_dataset_is_refused_before_ray_starts(source: Path, converted: Path) -> None:
    before = dataset_bytes(converted)
    assert "already holds a dataset" in fail(ADVANCED, source, converted, "--engine", "ray")
    assert dataset_bytes(converted) == before


@needs_ray
def test_no_cluster_at_the_address(source: Path, tmp_path: Path) -> None:
    flags = ("--engine", "ray", "--ray_address", "127.0.0.1:9", *OPTIONS)
    line = fail(PCR, "convert", source, tmp_path / "out", *flags)
    assert "127.0.0.1:9: expected the address of a Ray cluster" in line
