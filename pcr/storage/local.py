"""LocalStore: the files of a directory, and prefixes of files read without read-ahead."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcr.atomic import atomic_path
from pcr.errors import DatasetError, ObjectNotFoundError, StorageError
from pcr.regular_file import named_errors
from pcr.storage.counters import Counters

# What one POSIX_FADV_WILLNEED is sure to fetch: the kernel cuts longer requests to its read-ahead.
_FETCH_BYTES = 128 * 1024


def check_directory(path: Path) -> None:
    """Raise DatasetError unless there is a directory, or nothing and so room for one."""
    if os.path.lexists(path) and not path.is_dir():
        found = "a file" if path.exists() else "a link that leads nowhere"
        raise DatasetError(f"{path}: expected an output directory, found {found}")


def prefetch(path: Path, prefix_bytes: int) -> None:
    """Ask the kernel for the first ``prefix_bytes`` of a file and for nothing after them.

    Ordinary sequential reads would trigger read-ahead, which fetches up to megabytes of levels that
    nobody asked for. Pages requested this way carry no read-ahead mark, so reading them later
    triggers none.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for start in range(0, prefix_bytes, _FETCH_BYTES):
            length = min(_FETCH_BYTES, prefix_bytes - start)
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_WILLNEED)
    finally:
        os.close(descriptor)


def read_prefix(path: Path, prefix_bytes: int) -> bytes:
    """The first ``prefix_bytes`` of a file; fewer only where the file ends before."""
    with named_errors(path), path.open("rb", buffering=0) as file:
        return file.read(prefix_bytes)


class LocalStore:
    """The files of a directory. can_list: always. counters: all 0, for nothing is asked of a server."""

    can_list = True

    def __init__(self, root: Path) -> None:
        """``root`` need not exist before something is written."""
        self.root = root
        self.location = str(root)
        self.counters = Counters()

    def __repr__(self) -> str:
        return f"<LocalStore {self.location!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalStore) and other.root == self.root

    def __hash__(self) -> int:
        return hash(self.root)

    def read(self, name: str, length: int | None = None, start: int = 0) -> bytes:
        """``length`` bytes from ``start`` on; None: all to the end.

        Raises ObjectNotFoundError where there is no such file, StorageError where it is shorter.
        """
        path = self.root / name
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(start)
                data = file.read(-1 if length is None else length)
        except FileNotFoundError:
            raise ObjectNotFoundError(f"{path}: there is no such file") from None
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from None
        if length is not None and len(data) != length:
            raise StorageError(
                f"{path}: bytes {start} to {start + length - 1}: "
                f"expected {length} bytes, found {len(data)}"
            )
        return data

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None where there is none."""
        path = self.root / name
        return path.stat().st_size if path.is_file() else None

    def version(self, name: str) -> str:
        """The modification time of a file (ns); ObjectNotFoundError where there is none."""
        path = self.root / name
        try:
            return str(path.stat().st_mtime_ns)
        except OSError as error:
            raise ObjectNotFoundError(f"{path}: {error.strerror}") from None

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """The names of files in the directory that begin with ``prefix``, and their sizes."""
        if not self.root.is_dir():
            return
        for path in sorted(self.root.iterdir()):
            if path.name.startswith(prefix) and path.is_file():
                yield path.name, path.stat().st_size

    def folders(self) -> Iterator[str]:
        """The names of the folders in the directory."""
        if self.root.is_dir():
            yield from sorted(path.name for path in self.root.iterdir() if path.is_dir())

    @contextmanager
    def placing(self, name: str) -> Iterator[Path]:
        """The path of a file that the block writes, by `atomic_path`."""
        self.root.mkdir(parents=True, exist_ok=True)
        yield self.root / name

    def write(self, name: str, source: Path | bytes) -> None:
        """Put a file or bytes there, whole or not at all."""
        self.root.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.root / name) as temporary:
            if isinstance(source, bytes):
                temporary.write_bytes(source)
            else:
                shutil.copyfile(source, temporary)

    def append(self, name: str, data: bytes) -> None:
        """Add to a file, safe on disk in the end."""
        path = self.root / name
        with named_errors(path), path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def delete(self, name: str) -> None:
        """Remove a file, if there is one."""
        (self.root / name).unlink(missing_ok=True)
