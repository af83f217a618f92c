"""What the tests of training train on."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data(training_data: Path) -> Path:
    """A folder with `train`, `val` and `pcr`."""
    return training_data
