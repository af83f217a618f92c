"""What the tests of converting convert."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.conversions import make_folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ImageFolder of 12 and 13 images."""
    return make_folder(tmp_path_factory.mktemp("source"), {"ant": 12, "cow": 13})
