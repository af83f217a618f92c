"""What may be at a path besides the file that is expected: pipes, devices, links to nowhere …"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("pipe", "socket", "device", "directory")  # of existing things that are no regular files
OTHER_KINDS = ("file", "dangling link", "link in a circle", "directory with a directory PCR.db")
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
    elif kind == "file":
        path.write_text("mine")
    elif kind.endswith(("link", "circle")):
        path.symlink_to("nowhere" if kind.startswith("dangling") else path)
    else:
        path.joinpath("PCR.db" if kind.endswith("PCR.db") else "").mkdir(parents=True)
    release = threading.Timer(_PATIENCE_SECONDS, lambda: os.open(path, os.O_RDWR | os.O_NONBLOCK))
    release.start()
    try:
        yield
    finally:
        release.cancel()
