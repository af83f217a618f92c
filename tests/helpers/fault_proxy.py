"""A proxy that passes requests on to a server and does to some what networks and servers do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Choose = Callable[[int], str | None]
"""The fault of the n-th request, counted from 0; None: it is passed on as it is."""

# "flip@0.25": of the byte after a quarter of the body; "flip": of the last one that is no padding.
FAULTS = ("503", "429", "cut", "short", "flip", "silence", "stall", "drop", "whole")
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}
_LONGEST_SILENCE_SECONDS = 60


@dataclass(frozen=True)
class Proxied:
    """A request that came, and what was done to it."""

    method: str
    path: str
    range: str | None
    fault: str | None
    body_bytes: int


class FaultProxy:
    """url: where it listens. requests: what came so far. choose: the fault of each."""

    def __init__(self, upstream: str, choose: Choose) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.choose = choose
        self.requests: list[Proxied] = []
        self.lock = threading.Lock()
        self.closed = threading.Event()
        self.arrivals = 0
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.proxy = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def next_fault(self) -> str | None:
        with self.lock:
            number, self.arrivals = self.arrivals, self.arrivals + 1
        return self.choose(number)

    def put_names(self) -> set[str]:
        """The names of the files that were put there."""
        paths = [request.path for request in self.requests if request.method == "PUT"]
        return {urlsplit(path).path.rpartition("/")[2] for path in paths}

    def faults(self) -> list[str]:
        return [request.fault for request in self.requests if request.fault]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        proxy = self.server.proxy
        fault = proxy.next_fault()
        status, headers, body = self._fetch(whole=fault == "whole")
        wanted = self.headers.get("Range")
        proxy.requests.append(Proxied(self.command, self.path, wanted, fault, len(body)))
        if fault in ("drop", "silence"):
            self._end(wait=fault == "silence")
        elif fault and fault.isdigit():
            self._answer(int(fault), {}, b"busy")
        else:
            self._answer(status, headers, body, fault)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - names of http.server

    def _fetch(self, *, whole: bool) -> tuple[int, dict[str, str], bytes]:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        if whole:
            headers = {name: value for name, value in headers.items() if name.lower() != "range"}
        upstream = http.client.HTTPConnection(self.server.proxy.upstream)
        try:
            upstream.request(self.command, self.path, sent, headers)
            answer = upstream.getresponse()
            body = answer.read()
        finally:
            upstream.close()
        kept = dict(answer.getheaders())
        return answer.status, kept, body

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, fault: str | None = None
    ) -> None:
        if fault and fault.startswith("flip"):
            place = flipped_place(fault, body)
            body = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        if fault == "short":
            body = body[: len(body) // 2]
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP and name.lower() not in ("date", "server"):
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = fault in ("cut", "stall")
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            self._end(wait=fault == "stall")

    def _end(self, *, wait: bool) -> None:
        """Hang up, at once or when the proxy closes."""
        if wait:
            self.server.proxy.closed.wait(_LONGEST_SILENCE_SECONDS)
        self.close_connection = True


def flipped_place(fault: str, body: bytes) -> int:
    """Which byte of a body a flip changes."""
    share = fault.partition("@")[2]
    # Without a share, not in what SQLite leaves unused.
    return int(float(share) * len(body)) if share else len(body.rstrip(b"\0")) - 1


@contextmanager
def fault_proxy(upstream: str, choose: Choose = lambda number: None) -> Iterator[FaultProxy]:
    """A proxy before the server at a URL."""
    proxy = FaultProxy(upstream, choose)
    thread = threading.Thread(target=proxy.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closed.set()
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()
