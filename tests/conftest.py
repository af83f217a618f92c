"""Fixtures that several test files share."""

from __future__ import annotations

import jpegs
import pytest
from hypothesis import settings

from pcr.ladder import Ladder

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(params=list(jpegs.GOOD))
def good_jpeg(request: pytest.FixtureRequest) -> bytes:
    """A JPEG of each kind that can be transcoded."""
    return jpegs.GOOD[request.param]()


@pytest.fixture(params=["standard", "luma"])
def ladder(request: pytest.FixtureRequest) -> Ladder:
    """Each ladder that the paper or this project measured."""
    return Ladder.load(request.param)
