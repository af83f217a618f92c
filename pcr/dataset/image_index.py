"""ImageIndex: where in a record's file the bytes of each of its images lie."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.dataset.blob_pages import BlobPages, ReadRange
from pcr.dataset.messages import RecordInfo
from pcr.dataset.record import Record
from pcr.dataset.tables import read_chunks
from pcr.errors import FormatError

_TAG = 0x0A  # of ScanGroup.image_bytes
_LARGEST = np.iinfo(np.uint32).max


@dataclass(frozen=True, eq=False)
class ImageIndex:
    """What reading single images of a record takes.

    labels: int32 of shape (images,). starts: uint32 of shape (levels, images + 1): where an image's
    entry begins in each level's message. pages: where each message lies in the file.
    """

    labels: NDArray[np.int32]
    starts: NDArray[np.uint32]
    pages: tuple[BlobPages, ...]

    @classmethod
    def read(cls, record: Record) -> ImageIndex:
        """Of a record, from its metadata; FormatError where that, or the file, is not as expected."""
        info, page_bytes = record.prefix(0).read(lambda tables: _metadata(tables, record))
        record.check_labels(info.labels)
        sizes = np.array([image.level_bytes for image in info.images], dtype=np.int64)
        sizes = sizes.reshape(-1, record.levels).T
        starts = np.zeros((record.levels, len(info.images) + 1), dtype=np.int64)
        np.cumsum(1 + _length_bytes(sizes) + sizes, axis=1, out=starts[:, 1:])
        group_bytes = record.entry.group_bytes[1:]
        if starts[:, -1].tolist() != list(group_bytes) or starts.max() > _LARGEST:
            raise FormatError(
                f"{record.location}: expected images of {list(group_bytes)} bytes by level, "
                f"found {starts[:, -1].tolist()}"
            )
        ends = record.prefix_bytes
        within = [index.prefix_bytes[record.number] for index in record.columns_within]
        begins = (max(within, default=ends[0]), *ends[1:-1])
        pages = zip(begins, ends[1:], group_bytes, strict=True)
        return cls(
            info.labels,
            starts.astype(np.uint32),
            tuple(BlobPages.of(a, b, page_bytes, size) for a, b, size in pages),
        )

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes."""
        return self.labels.nbytes + self.starts.nbytes + 200 * len(self.pages)

    def entry(self, read: ReadRange, image: int, level: int) -> bytes:
        """One image's bytes of one level, by one call of ``read``.

        Raises FormatError where there is something else in its place. Checksums are of whole levels
        and are not compared.
        """
        starts = self.starts[level - 1]
        start, stop = int(starts[image]), int(starts[image + 1])
        entry = self.pages[level - 1].read(read, start, stop - start)
        head = 1 + _shortest_varint(entry[1:])
        if entry[0] != _TAG or _varint(entry[1:head]) != len(entry) - head:
            raise FormatError(f"expected an entry of {stop - start} bytes, found {entry[:6]!r}")
        return entry[head:]


def _metadata(tables: sqlite3.Connection, record: Record) -> tuple[RecordInfo, int]:
    """The metadata, and the size of the file's pages."""
    entry = record.entry
    chunks = read_chunks(tables, layout.METADATA_TABLE, entry.group_bytes[0], entry.checksums[0])
    info = RecordInfo.decode(b"".join(chunks), record.location)
    (page_bytes,) = tables.execute("PRAGMA page_size").fetchone()
    return info, page_bytes


def _length_bytes(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many bytes protobuf takes for each entry's length: one for 7 bits."""
    more = [1 << (7 * k) for k in range(1, 5)]
    return 1 + np.searchsorted(more, values, side="right")


def _shortest_varint(data: bytes) -> int:
    """How many bytes the number that begins here has, 6 at most."""
    return next((k + 1 for k, byte in enumerate(data[:5]) if byte < 0x80), 6)


def _varint(data: bytes) -> int:
    return sum((byte & 0x7F) << (7 * k) for k, byte in enumerate(data))
