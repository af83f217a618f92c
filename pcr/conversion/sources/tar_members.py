"""Where the members of a tar file lie in it, found by its headers alone."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from pcr.conversion.sources.byte_spans import SourceFile, Span
from pcr.errors import FormatError

_BLOCK_BYTES = 512


def tar_members(tar: BinaryIO, file: SourceFile) -> Iterator[tuple[str, Span]]:
    """The names of the regular files in an open tar file, and where they lie, in its order.

    Raises FormatError where it is none, compressed, or cut off: it must end as tar files do, with
    a block of zeros.
    """
    try:
        with tarfile.open(fileobj=tar, mode="r:") as members:
            for member in members:
                members.members = []  # type: ignore[attr-defined]  # else it keeps them all
                if member.isreg():
                    if member.issparse():
                        raise FormatError(f"{file.location}: {member.name}: a sparse file")
                    yield member.name, Span(file, member.offset_data, member.size)
            _check_end(tar, members.offset, file)
    except tarfile.TarError as error:
        raise FormatError(
            f"{file.location}: expected a tar file, not compressed, found: {error}"
        ) from None


def _check_end(tar: BinaryIO, end: int, file: SourceFile) -> None:
    """Python's reader takes a damaged header, or the end of the file, for the end of the members."""
    tar.seek(end)
    if tar.read(_BLOCK_BYTES) != bytes(_BLOCK_BYTES):
        raise FormatError(
            f"{file.location}: byte {end}: expected another member or the end of the tar file, "
            "found neither: it is cut off or damaged"
        )
