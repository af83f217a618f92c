"""Image: one image of a dataset, of which only its own bytes are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.image_index import ImageIndex
from pcr.dataset.messages import ImageInfo, RecordInfo
from pcr.dataset.record import Record, Records, check_level
from pcr.errors import FormatError
from pcr.extension import native
from pcr.jpeg import EOI
from pcr.storage.local import LocalStore

T = TypeVar("T")

INDEX_BYTES = 256 * 2**20  # of records' indexes that are kept: about 6000 records of 1024 images
_INFOS = 16  # records whose metadata is kept whole


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
        this shows, UsageError where there is no such level.
        """
        level = check_level(n_scans, self.record.levels, "n_scans")
        return self._reader.jpeg(self.record, self.place, level)

    def decode(self, n_scans: int | None = None) -> NDArray[np.uint8]:
        """Its pixels at a level, as the loader decodes them: uint8 of shape (height, width, 3).

        Raises FormatError, naming it, where it can't be decoded.
        """
        try:
            return native.decode_rgb(self.jpeg(n_scans))
        except FormatError as error:
            raise FormatError(f"{self.record.location}: image {self.name}: {error}") from None

    def column(self, name: str) -> Any:
        """Its value of a column; UsageError where there is no such column."""
        return self.record.columns([name])[name][self.place]

    def __repr__(self) -> str:
        return f"<Image {self.number}: number {self.place} of {self.record.location!r}>"


class ImageReader:
    """Reads single images, and keeps where they lie. Safe to use from threads, and to pickle."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._first = np.cumsum([0, *(entry.images for entry in records.entries)], dtype=np.int64)
        self._indexes: dict[int, ImageIndex] = {}
        self._held_bytes = 0
        self._infos: dict[int, RecordInfo] = {}

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
            return b"".join([*_each(record, entry, range(1, level + 1)), EOI])
        except FormatError:  # the file is not laid out as expected, or damaged: that is told apart
            return record.read(level)[place].tobytes()

    def index(self, record: Record) -> ImageIndex:
        """Where the images of a record lie."""
        found = self._indexes.get(record.number)
        if found is None:
            found = ImageIndex.read(record)
            self._held_bytes += found.held_bytes
            if self._held_bytes > INDEX_BYTES:
                self._indexes, self._held_bytes = {}, found.held_bytes
            self._indexes[record.number] = found
        return found

    def info(self, record: Record) -> RecordInfo:
        """The metadata of a record."""
        found = self._infos.get(record.number)
        if found is None:
            found = record.info()
            if len(self._infos) >= _INFOS:
                self._infos = {}
            self._infos[record.number] = found
        return found


def _read(record: Record, length: int, start: int) -> bytes:
    return record.store.read(record.name, length, start)


def _each(record: Record, make: Callable[[int], T], levels: range) -> Iterator[T]:
    """What ``make`` reads for each level: at once where a server answers, whose latency adds up."""
    if isinstance(record.store, LocalStore) or len(levels) == 1:
        yield from map(make, levels)
        return
    with ThreadPoolExecutor(len(levels)) as pool:
        yield from pool.map(make, levels)
