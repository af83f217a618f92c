"""Real servers on loopback: S3 by moto, HTTP by nginx; tests start them on free ports."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

BUCKET = "records"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_NGINX = """
daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
events {{}}
http {{
  client_body_temp_path {root}/t; proxy_temp_path {root}/t; fastcgi_temp_path {root}/t;
  uwsgi_temp_path {root}/t; scgi_temp_path {root}/t;
  log_format plain '$request_method $uri $status $body_bytes_sent $http_range';
  access_log {root}/access.log plain;
  server {{ listen 127.0.0.1:{port}; root {files}; {extra} }}
}}
"""


@dataclass(frozen=True)
class Served:
    """A request as the server saw it; body_bytes: of the answer."""

    method: str
    path: str
    status: int
    body_bytes: int
    range: str


class WebServer:
    """nginx over a folder."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self._log = url, log
        self._seen = 0

    def served(self) -> list[Served]:
        """The requests since the last call."""
        # nginx handles one event after the other: after this answer, those before are in the log.
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{self.url}/end-of-log")
        lines = self._log.read_text().splitlines()
        new = [_served(line) for line in lines[self._seen :]]
        self._seen = len(lines)
        return [request for request in new if request.path != "/end-of-log"]


def _served(line: str) -> Served:
    method, path, status, size, wanted = line.split(maxsplit=4)
    return Served(method, path, int(status), int(size), wanted)


def find_nginx() -> str:
    """The web server's program; without it, the test is skipped."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (apt install nginx-light)")
    return program


@contextmanager
def web_server(files: Path, root: Path, extra: str = "") -> Iterator[WebServer]:
    """nginx over the folder ``files``; ``root``: an empty folder for its own."""
    program = find_nginx()
    port = free_port()
    configuration = root / "nginx.conf"
    configuration.write_text(_NGINX.format(root=root, port=port, files=files, extra=extra))
    command = [program, "-p", str(root), "-c", str(configuration), "-e", str(root / "error.log")]
    process = subprocess.Popen(command)
    try:
        _wait_until_open(port, process)
        yield WebServer(f"http://127.0.0.1:{port}", root / "access.log")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def object_store() -> Iterator[str]:
    """The endpoint of an S3 that has a bucket `BUCKET`."""
    import boto3  # these two take a second, which few tests need
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="tester",
            aws_secret_access_key="secret",
        ).create_bucket(Bucket=BUCKET)
        yield endpoint
    finally:
        server.stop()


def use_object_store(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Set the variables by which every client of S3 finds it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    pytest.fail(f"nginx ended with code {process.returncode}")
