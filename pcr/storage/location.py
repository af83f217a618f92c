"""Locations: what is a URL and what a path, how names are joined to them, how they are printed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias, TypeGuard
from urllib.parse import unquote, urlsplit, urlunsplit

from pcr.errors import UsageError

Location: TypeAlias = str | os.PathLike[str]
"""A local path, or a URL of one of `REMOTE_SCHEMES` or of ``file``."""

REMOTE_SCHEMES = ("s3", "gs", "az", "http", "https")
_MANGLED_URL = re.compile(rf"({'|'.join(REMOTE_SCHEMES)}):/(?!/)")  # as pathlib makes it
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def is_location(value: object) -> TypeGuard[Location]:
    """Whether this is a path or URL, and nothing else."""
    return isinstance(value, str | os.PathLike)


def is_remote(location: Location) -> bool:
    """Whether a location is not on this machine. UsageError for a URL that can't be opened."""
    scheme = _scheme(location)
    mangled = _MANGLED_URL.match(os.fspath(location))
    if mangled and not Path(location).exists():
        raise UsageError(f"{location}: expected {mangled[1]}:// with two slashes, found one")
    if scheme is None or scheme == "file":
        return False
    if scheme not in REMOTE_SCHEMES:
        known = ", ".join(f"{name}://" for name in (*REMOTE_SCHEMES, "file"))
        raise UsageError(f"{location}: expected a path, or a URL of {known}")
    return True


def local_path(location: Location) -> Path:
    """The path of a location on this machine, also where it is a ``file://`` URL."""
    if _scheme(location) != "file":
        return Path(location)
    parts = urlsplit(str(location))
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{location}: expected file:/// and a path, found host {parts.netloc!r}")
    return Path(unquote(parts.path))


def path_here(location: Location, parameter: str | None = None) -> Path:
    """The path of something to write on this machine. UsageError of the parameter for a URL."""
    if is_remote(location):
        raise UsageError(f"expected a path on this machine, found {location}", parameter)
    return local_path(location)


def check_url(url: str) -> str:
    """A remote URL without slashes at its end. UsageError where it has no host, or a query."""
    parts = urlsplit(url)
    if not parts.netloc:
        raise UsageError(f"{url}: expected a bucket or host after {parts.scheme}://, found none")
    if parts.query or parts.fragment:
        raise UsageError(f"{printable_url(url)}: expected a URL without ? and #")
    return url.rstrip("/")


def printable_url(url: str) -> str:
    """A URL without the name, password and query in it, fit for messages."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def join(location: str, name: str) -> str:
    """The location of what is called ``name`` at a location."""
    return f"{location.rstrip('/')}/{name}"


def _scheme(location: Location) -> str | None:
    found = _URL.match(location) if isinstance(location, str) else None
    return found[1].lower() if found else None
