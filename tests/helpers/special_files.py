"""What is no regular file: pipes, sockets, devices, directories."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("pipe", "socket", "device", "directory")
_PATIENCE_SECONDS = 20


@contextmanager
def special_file(path: Path, kind: str) -> Iterator[None]:
    """Put one of that kind there; who waits for the pipe's other end is released in the end."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    elif kind == "device":
        path.symlink_to("/dev/null")
    else:
        path.mkdir()
    release = threading.Timer(_PATIENCE_SECONDS, lambda: os.open(path, os.O_RDWR | os.O_NONBLOCK))
    release.start()
    try:
        yield
    finally:
        release.cancel()
