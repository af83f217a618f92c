"""The client of object stores: obstore, set up by the ecosystem's variables and usable after forks.

Its worker threads belong to the whole process and do not survive a fork; in a child, the inherited
copy would wait for them forever. So a child loads a copy of its own.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pcr.errors import StorageError
from pcr.extras import how_to_install
from pcr.storage.retries import Retries

_LONGEST_REQUEST = timedelta(hours=1)  # bytes that keep arriving may take their time
_EXTENSION = "obstore._obstore"


class _Obstore:
    """The package obstore, as this process loaded it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = 0
        self._module: Any = None
        self._extension_file = ""

    def load(self) -> Any:
        """The package, loaded again where this process was forked since."""
        with self._lock:
            if self._process != os.getpid():
                if self._extension_file:
                    _load_copy(Path(self._extension_file))
                importlib.import_module("obstore.store")
                self._module, self._process = sys.modules["obstore"], os.getpid()
                self._extension_file = self._extension_file or str(sys.modules[_EXTENSION].__file__)
            return self._module

    def begin_again(self) -> None:
        """In a child: another thread may have held the lock."""
        self._lock = threading.Lock()


_obstore = _Obstore()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_obstore.begin_again)


def load_obstore() -> Any:
    """The package obstore. StorageError where it is not installed."""
    try:
        return _obstore.load()
    except ImportError:
        raise StorageError(f"URLs need the package obstore: {how_to_install('obstore')}") from None


def _load_copy(extension_file: Path) -> None:
    """Load obstore's extension once more: the linker knows a library by the inode of its file."""
    if not hasattr(os, "memfd_create"):
        raise StorageError("URLs can't be read in a forked process: start it by the method spawn")
    for name in [name for name in sys.modules if name.split(".")[0] == "obstore"]:
        del sys.modules[name]
    copy = os.memfd_create("obstore")
    with os.fdopen(copy, "wb") as file:
        file.write(extension_file.read_bytes())
        file.flush()
        path = f"/proc/self/fd/{copy}"
        loader = ExtensionFileLoader(_EXTENSION, path)
        spec = spec_from_file_location(_EXTENSION, path, loader=loader)
        assert spec is not None
        sys.modules[_EXTENSION] = module_from_spec(spec)
        loader.exec_module(sys.modules[_EXTENSION])


def connect(url: str, retries: Retries, *, client_tries: int = 1) -> Any:
    """A store of obstore at a URL. Nothing is sent before the first request.

    client_tries: how often obstore itself tries a request; once, so that ours can count.
    """
    silence = timedelta(seconds=retries.silence_seconds)
    return load_obstore().store.from_url(
        url,
        client_options={
            "timeout": _LONGEST_REQUEST,
            "read_timeout": silence,
            "connect_timeout": silence,
            "allow_http": _asks_for_http(url, os.environ),
        },
        retry_config={
            "max_retries": client_tries - 1,
            "retry_timeout": timedelta(seconds=retries.total_seconds),
        },
        **_credentials(url, os.environ),
    )


def _asks_for_http(url: str, environment: Mapping[str, str]) -> bool:
    """Whether a connection without TLS is what the user named."""
    endpoints = [
        value
        for name, value in environment.items()
        if "ENDPOINT" in name or name == "GOOGLE_BASE_URL"
    ]
    return any(address.startswith("http://") for address in (url, *endpoints))


def _credentials(url: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Profiles and logins of AWS, which obstore leaves to boto3."""
    given = {"AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"} & environment.keys()
    if urlsplit(url).scheme != "s3" or given:
        return {}
    try:
        provider = importlib.import_module("obstore.auth.boto3").Boto3CredentialProvider
    except ImportError:
        if "AWS_PROFILE" in environment:
            raise StorageError(f"{url}: AWS_PROFILE needs boto3: pip install boto3") from None
        return {}
    try:
        return {"credential_provider": provider()}
    except ValueError:  # boto3 found none; obstore may know more places
        return {}
