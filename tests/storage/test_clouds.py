"""Datasets on Azure Blob Storage and on Google Cloud Storage, by servers that speak their protocols."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.servers import BUCKET, azure_store, google_store

from pcr.dataset.reader import Dataset
from pcr.errors import ObjectNotFoundError
from pcr.storage.store import open_store
from pcr.tools.dataset_copy import copy
from pcr.tools.verification import verify


def test_a_dataset_is_copied_to_azure_and_read_there(
    loader_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with azure_store() as variables:
        set_all(monkeypatch, variables)
        url = f"az://{BUCKET}/some/dataset"
        copy(loader_root, url, progress=False)
        assert_same(url, loader_root)
        assert list(open_store(f"az://{BUCKET}/some").folders()) == ["dataset"]
        store = open_store(url)
        store.write("parts", bytes(20 * 2**20))  # more than one part of an upload
        assert store.size("parts") == 20 * 2**20
        store.delete("parts")
        assert store.size("parts") is None


def test_a_dataset_on_google_cloud_storage_is_read(
    loader_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(loader_root, tmp_path / BUCKET / "some" / "dataset")
    with google_store(tmp_path) as variables:
        set_all(monkeypatch, variables)
        assert_same(f"gs://{BUCKET}/some/dataset", loader_root)
        assert list(open_store(f"gs://{BUCKET}/some").folders()) == ["dataset"]


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def assert_same(url: str, root: Path) -> None:
    """A dataset at a URL is the local one, at one request for each record and the index."""
    remote, local = Dataset(url), Dataset(root)
    for ours, theirs in zip(remote.records, local.records, strict=True):
        assert np.array_equal(ours.read(2).data, theirs.read(2).data)
    counters = remote.store.counters
    assert (counters.requests, counters.retries) == (1 + len(local.records), 0)
    assert not [verdict for verdict in verify(url) if verdict.failure]
    sizes = {path.name: path.stat().st_size for path in root.iterdir()}
    assert dict(remote.store.names()) == sizes
    with pytest.raises(
        ObjectNotFoundError, match=f"{url}/other: bytes 0 to 0: there is no such object"
    ):
        remote.store.read("other", 1)
