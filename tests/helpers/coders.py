"""The project's own entropy coding beside libjpeg-turbo's."""

from __future__ import annotations

from typing import Any

from pcr import jpeg
from pcr.errors import FormatError


def outcome(source: bytes, coder: str, scripts: dict, **options: Any) -> bytes | str:
    """The rewritten JPEG, or the words of its refusal."""
    try:
        return jpeg.transcode(source, scripts, coder=coder, **options).tobytes()
    except FormatError as error:
        return str(error)


def assert_same(source: bytes, scripts: dict, **options: Any) -> bytes | str:
    """Both coders have one outcome, which is returned."""
    found = outcome(source, "native", scripts, **options)
    assert found == outcome(source, "libjpeg", scripts, **options)
    return found
