"""Stores in local directories, by path and by URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcr.errors import ObjectNotFoundError, StorageError, UsageError
from pcr.storage.local import LocalStore
from pcr.storage.store import open_store


def test_a_directory_gives_back_what_was_put_there(tmp_path: Path) -> None:
    store = open_store(tmp_path / "new")
    assert list(store.names()) == []
    store.write("a", b"0123456789")
    store.write("b", tmp_path / "new" / "a")
    assert store.read("b") == b"0123456789"
    assert store.read("b", 3, 4) == b"456"
    assert store.read("b", start=8) == b"89"
    assert list(store.names("b")) == [("b", 10)]
    store.delete("b")
    store.delete("b")
    assert store.size("b") is None
    assert store.size("a") == 10


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "with space"
    for url in (path.as_uri(), path.as_uri().replace("file://", "file://localhost")):
        store = open_store(url)
        assert isinstance(store, LocalStore)
        assert store.root == path
    with pytest.raises(UsageError, match="found host 'other'"):
        open_store("file://other/path")


def test_what_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(ObjectNotFoundError, match=f"{tmp_path}/a"):
        store.read("a")
    store.write("a", b"01")
    with pytest.raises(StorageError, match="bytes 1 to 3: expected 3 bytes, found 1"):
        store.read("a", 3, 1)
