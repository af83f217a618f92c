"""What the tests of sources convert: one folder, and its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.conversions import PCR, make_folder, succeed
from helpers.sources import make_rows

FLAGS = ("--batch_size", "5", "--quiet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("folder") / "images", {"cat": 6, "dog é": 5})


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, Any]]:
    return make_rows(folder)


@pytest.fixture(scope="module")
def plain(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder converted as it is."""
    out = tmp_path_factory.mktemp("plain") / "dataset"
    succeed(PCR, "convert", folder, out, *FLAGS)
    return out
