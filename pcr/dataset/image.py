"""Image: one image of a dataset, of which only its own bytes are read."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnValues
from pcr.dataset.image_index import ImageIndex
from pcr.dataset.messages import ImageInfo, RecordInfo
from pcr.dataset.recent import RecentValues
from pcr.dataset.record import Record, Records, check_level
from pcr.errors import FormatError, StorageError, UsageError
from pcr.extension import native
from pcr.jpeg import EOI
from pcr.kept_threads import KeptThreads
from pcr.storage.local import LocalStore

# What is kept of records: indexes of about 6000 with 1024 images, metadata of about 16, columns.
INDEX_BYTES = 256 * 2**20
INFO_BYTES = 16 * 2**20
COLUMN_BYTES = 64 * 2**20
_IMAGE_INFO_BYTES = 1000  # in memory, about
_VALUE_BYTES = 100  # the same, besides what a value takes on disk
_CONCURRENT_READS = 32  # of levels on a server


@dataclass(frozen=True, repr=False, slots=True)
class Image:
    """One image: ``dataset[i]``. Nothing is read before it is asked for."""

    number: int
    """Its position in the dataset."""
    record: Record
    place: int
    """Its position in the record."""
    _reader: ImageReader

    @property
    def info(self) -> ImageInfo:
        """Name, width, height, EXIF orientation, and bytes by level."""
        return self._reader.info(self.record).images[self.place]

    @property
    def name(self) -> str:
        """Its name, relative to the source folder."""
        return self.info.name

    @property
    def label(self) -> int:
        """The position of its class among the dataset's."""
        return int(self._reader.index(self.record).labels[self.place])

    def jpeg(self, n_scans: int | None = None) -> bytes:
        """The whole JPEG of its first ``n_scans`` levels; None: all levels.

        Only its own bytes are read: one range of the file for each level. Checksums cover whole
        levels, so they are not compared. Raises FormatError where the record is damaged so that
        this shows, or a local one is cut or missing, StorageError where a server does not deliver
        it, UsageError where there is no such level.
        """
        level = check_level(n_scans, self.record.levels, "n_scans")
        return self._reader.jpeg(self.record, self.place, level)

    def decode(
        self, n_scans: int | None = None, window: tuple[int, int, int, int] | None = None
    ) -> NDArray[np.uint8]:
        """Its pixels at a level, as the loader decodes them: uint8 of shape (height, width, 3).

        window: left, top, width and height of a part, in pixels of the image as it is stored; only
            what that needs is decoded, but all of its bytes are read. None: the whole image.

        Raises as `jpeg`, and FormatError, naming the image, where it can't be decoded, UsageError
        where the window is not inside.
        """
        jpeg = self.jpeg(n_scans)
        try:
            return native.decode_rgb(jpeg, window=window)
        except FormatError as error:
            raise FormatError(f"{self.record.location}: image {self.name}: {error}") from None
        except (TypeError, ValueError):
            raise UsageError(
                "expected left, top, width and height of whole pixels inside the "
                f"{self.info.width} × {self.info.height} of {self.name}, found {window!r}",
                "window",
            ) from None

    def column(self, name: str) -> Any:
        """Its value of a column, a copy.

        The column is read for the whole record, and kept for the record's other images: 64 MiB of
        the columns that were read last. Raises FormatError where it is damaged, StorageError where
        a server does not deliver it, UsageError where there is no such column.
        """
        return deepcopy(self._reader.column(self.record, name)[self.place])

    def __repr__(self) -> str:
        return f"<Image {self.number}: number {self.place} of {self.record.location!r}>"


class ImageReader:
    """Reads single images, and keeps where they lie. Safe to use from threads, and to pickle."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._first = np.cumsum([0, *(entry.images for entry in records.entries)], dtype=np.int64)
        self._indexes: RecentValues[ImageIndex] = RecentValues(INDEX_BYTES)
        self._infos: RecentValues[RecordInfo] = RecentValues(INFO_BYTES)
        self._columns: RecentValues[ColumnValues] = RecentValues(COLUMN_BYTES)
        self._threads = KeptThreads(_CONCURRENT_READS)

    def __reduce__(self) -> tuple[Any, ...]:
        return ImageReader, (self._records,)

    def image(self, number: int) -> Image:
        """The image at a position of the dataset, which is in range."""
        record = int(np.searchsorted(self._first, number, side="right")) - 1
        place = number - int(self._first[record])
        return Image(number, self._records[record], place, self)

    def jpeg(self, record: Record, place: int, level: int) -> bytes:
        """One image at a level."""
        try:
            entry = partial(self.index(record).entry, partial(_read, record), place)
            levels = range(1, level + 1)
            # At once where a server answers, whose latency adds up.
            each = map if _is_local(record) or level == 1 else self._threads.map
            return b"".join([*each(entry, levels), EOI])
        except FormatError:  # the file is not laid out as expected, or damaged: that is told apart
            return record.read(level)[place].tobytes()

    def index(self, record: Record) -> ImageIndex:
        """Where the images of a record lie."""
        return self._indexes.get(record.number, partial(_read_index, record))

    def info(self, record: Record) -> RecordInfo:
        """The metadata of a record."""
        return self._infos.get(record.number, partial(_read_info, record))

    def column(self, record: Record, name: str) -> ColumnValues:
        """A column of a record, which is not to be changed."""
        return self._columns.get((record.number, name), partial(_read_column, record, name))


def _is_local(record: Record) -> bool:
    """Whether a record is a local file."""
    return isinstance(record.store, LocalStore)


def _read(record: Record, length: int, start: int) -> bytes:
    try:
        return record.store.read(record.name, length, start)
    except StorageError as error:
        if _is_local(record):  # cut or missing: reading the whole record says which
            raise FormatError(str(error)) from None
        raise


# Each returns what it reads, and about how much memory that takes.


def _read_index(record: Record) -> tuple[ImageIndex, int]:
    index = ImageIndex.read(record)
    return index, index.held_bytes


def _read_info(record: Record) -> tuple[RecordInfo, int]:
    return record.info(), _IMAGE_INFO_BYTES * record.images


def _read_column(record: Record, name: str) -> tuple[ColumnValues, int]:
    values = record.columns([name])[name]
    sizes = {index.name: index.value_bytes[record.number] for index in record.column_indexes}
    stored = sizes.get(name, record.entry.group_bytes[0])  # label and name are metadata
    return values, stored + _VALUE_BYTES * record.images
