"""Image names as a dataset keeps them: relative to the folder, '/'-separated, any bytes but NUL."""

from __future__ import annotations

from pcr.errors import FormatError


def check_name(name: str) -> None:
    """Raise FormatError for a name that is not of a file inside its folder: a stranger may have written it."""
    parts = name.split("/")
    if "\0" in name or len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
        raise FormatError(f"expected an image name like 'class/file', found {name!r}")


def check_class_name(name: str) -> None:
    """Raise FormatError for what is no name of a folder's direct sub-folder."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise FormatError(f"expected a class name, found {name!r}")
