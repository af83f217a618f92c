"""Servers that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.servers import WebServer, object_store, use_object_store, web_server


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of an S3."""
    with object_store() as endpoint:
        yield endpoint


@pytest.fixture
def s3_environment(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The variables are set that let clients of S3 find it; its endpoint."""
    use_object_store(monkeypatch, s3)
    return s3


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebServer, Path]]:
    """An nginx, and the folder that it serves."""
    files = tmp_path_factory.mktemp("files")
    with web_server(files, tmp_path_factory.mktemp("nginx")) as server:
        yield server, files
