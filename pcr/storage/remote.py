"""RemoteStore: objects of an object store, or files of an HTTP server, under one URL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from pcr.errors import ObjectNotFoundError, StorageError
from pcr.storage.client import connect, load_obstore
from pcr.storage.counters import Counters
from pcr.storage.failures import translate
from pcr.storage.location import check_url, join, printable_url
from pcr.storage.retries import PassingFault, Retries

T = TypeVar("T")
BytesT = TypeVar("BytesT", bytes, bytearray)

_PART_BYTES = 16 * 2**20  # of an upload; S3 admits 10 000 parts
_PARTS_AT_ONCE = 4


class RemoteStore:
    """What lies under one URL. Safe to use from threads, in forked processes, and to pickle.

    location: the URL, without credentials. counters: what was asked of it so far.
    """

    def __init__(self, url: str, retries: Retries | None = None) -> None:
        """Nothing is sent before the first request. UsageError where the URL makes no sense."""
        self._url = check_url(url)
        self.location = printable_url(self._url)
        self.retries = retries or Retries()
        self.counters = Counters()
        self._clients: dict[int, Any] = {}
        self._process = 0

    def __repr__(self) -> str:
        return f"<RemoteStore {self.location!r}: {self.counters!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteStore) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    @property
    def can_list(self) -> bool:
        """Whether `names` and `folders` work: not for ``http(s)://``."""
        return not self._url.startswith(("http://", "https://"))

    def read(self, name: str, length: int | None = None, start: int = 0) -> bytes:
        """``length`` bytes from ``start`` on, by one range request; None: all to the end.

        Raises ObjectNotFoundError where there is no such object, StorageError where these bytes
        can't be had.
        """
        return self._read(name, length, start, bytes)

    def read_prefix(self, name: str, length: int) -> bytearray:
        """The first ``length`` bytes, which the caller may change in place; raises as `read`."""
        return self._read(name, length, 0, bytearray)

    def _read(
        self, name: str, length: int | None, start: int, make: Callable[[Any], BytesT]
    ) -> BytesT:
        if length == 0:
            return make(b"")
        what = join(self.location, name)
        if length is not None:
            what = f"{what}: bytes {start} to {start + length - 1}"
        return self._run(lambda client: self._get(client, name, length, start, make), what)

    def size(self, name: str) -> int | None:
        """The size of an object in bytes; None where there is none."""
        try:
            return int(self._head(name)["size"])
        except ObjectNotFoundError:
            return None

    def version(self, name: str) -> str:
        """The ETag of an object, or its time; ObjectNotFoundError where there is none."""
        return _version(self._head(name))

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The names directly below the location that begin with ``prefix``, and sizes in bytes.

        Raises StorageError for ``http(s)://``, which cannot list.
        """
        for found in self._list()["objects"]:
            name = found["path"].rpartition("/")[2]
            if name.startswith(prefix):
                yield name, int(found["size"])

    def folders(self) -> Iterator[str]:
        """What lies between the location and the next slash in the names of the objects there.

        Raises StorageError for ``http(s)://``, which cannot list.
        """
        yield from (prefix.rpartition("/")[2] for prefix in self._list()["common_prefixes"])

    def objects(self) -> list[tuple[str, int, str]]:
        """All objects below the location, however deep: name, size in bytes, and ETag or time.

        Raises StorageError for ``http(s)://``, which cannot list.
        """
        self._refuse_http("listed")
        return self._run(_all_objects, self.location)

    @contextmanager
    def placing(self, name: str) -> Iterator[Path]:
        """A path in a temporary folder; what the block writes to it is uploaded and removed."""
        self._refuse_http("written to")
        with TemporaryDirectory(prefix="pcr-") as folder:
            yield Path(folder, name)
            self.write(name, Path(folder, name))

    def write(self, name: str, source: Path | bytes) -> None:
        """Put a file or bytes there, whole or not at all, in parts of which few are in memory.

        Raises StorageError for ``http(s)://``, which is for reading alone.
        """
        self._refuse_http("written to")
        what = join(self.location, name)

        # A part that failed is sent again by obstore: an upload of many parts would else seldom end.
        def put(_: Any) -> None:
            load_obstore().put(
                self._client(self.retries.tries),
                name,
                source,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

        self._run(put, what)

    def append(self, name: str, data: bytes) -> None:
        """Add to an object, by writing all of it again."""
        self.write(name, self.read(name) + data)

    def delete(self, name: str) -> None:
        """Remove an object, if there is one."""
        self._refuse_http("written to")
        try:
            self._run(lambda client: load_obstore().delete(client, name), join(self.location, name))
        except ObjectNotFoundError:
            return

    def _head(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._run(
            lambda client: load_obstore().head(client, name), join(self.location, name)
        )
        return found

    def _list(self) -> dict[str, Any]:
        self._refuse_http("listed")
        found: dict[str, Any] = self._run(
            lambda client: load_obstore().list_with_delimiter(client), self.location
        )
        return found

    def _get(
        self,
        client: Any,
        name: str,
        length: int | None,
        start: int,
        make: Callable[[Any], BytesT],
    ) -> BytesT:
        obstore = load_obstore()
        if length is None:
            options = {"range": {"offset": start}} if start else None
            data = make(obstore.get(client, name, options=options).bytes())
        else:
            data = make(obstore.get_range(client, name, start=start, length=length))
        self.counters.add(bytes_read=len(data))
        if length is not None and len(data) != length:
            raise PassingFault(f"expected {length} bytes, found {len(data)}")
        return data

    def _run(self, request: Callable[[Any], T], what: str) -> T:
        def attempt() -> T:
            try:
                return request(self._client())
            except (PassingFault, StorageError):
                raise
            except Exception as error:
                raise translate(error, what) from None

        return self.retries.run(attempt, what, self.counters)

    def _client(self, tries: int = 1) -> Any:
        """obstore's store, made by this process; it sends each request up to ``tries`` times."""
        if self._process != os.getpid():
            self._clients, self._process = {}, os.getpid()
        if tries not in self._clients:
            self._clients[tries] = connect(self._url, self.retries, client_tries=tries)
        return self._clients[tries]

    def _refuse_http(self, verb: str) -> None:
        if not self.can_list:
            raise StorageError(
                f"{self.location}: http(s):// can be read, not {verb}: use s3://, gs:// or az://"
            )

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_clients": {}, "_process": 0}


def _all_objects(client: Any) -> list[tuple[str, int, str]]:
    return [
        (found["path"], int(found["size"]), _version(found))
        for some in load_obstore().list(client)
        for found in some
    ]


def _version(found: dict[str, Any]) -> str:
    return found["e_tag"] or str(found["last_modified"])
