"""The messages on disk as validated dataclasses; proto/pcr.proto is their single truth."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import add, le
from typing import TypeVar

import numpy as np
import xxhash
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from pcr.dataset import layout
from pcr.errors import FormatError
from pcr.extension import native, pcr_pb2
from pcr.ladder import MAX_SCANS, Ladder

_M = TypeVar("_M", bound=Message)


@dataclass(frozen=True)
class ImageInfo:
    """What a record keeps of one image; ``source_bytes`` is 0 in datasets that do not have it."""

    name: str
    width: int
    height: int
    components: int
    orientation: int
    level_bytes: tuple[int, ...]
    source_bytes: int = 0


@dataclass(frozen=True)
class RecordInfo:
    """The first table of a record."""

    labels: NDArray[np.int32]
    levels: int
    images: tuple[ImageInfo, ...]

    def encode(self) -> bytes:
        """As a serialized RecordMetadata."""
        message = pcr_pb2.RecordMetadata(
            labels=self.labels.tolist(), progressive_levels=self.levels
        )
        for image in self.images:
            message.images.add(
                name=os.fsencode(image.name),
                width=image.width,
                height=image.height,
                components=image.components,
                orientation=image.orientation,
                level_bytes=image.level_bytes,
                source_bytes=image.source_bytes,
            )
        return message.SerializeToString(deterministic=True)

    def first_levels(self, levels: int) -> RecordInfo:
        """What a copy of the record says that has levels 1 … ``levels`` alone."""
        images = (replace(image, level_bytes=image.level_bytes[:levels]) for image in self.images)
        return replace(self, levels=levels, images=tuple(images))

    @classmethod
    def decode(cls, data: bytes, source: str) -> RecordInfo:
        """From a serialized RecordMetadata; FormatError where it is not one."""
        try:
            native.RecordJoiner(data, 1)  # refuses counts that do not fit before objects are made
        except FormatError as error:
            raise FormatError(f"{source}: {error}") from None
        message = _parse(pcr_pb2.RecordMetadata(), data, source)
        for image in message.images:  # 0: not given
            _check_range(source, "as an EXIF orientation", image.orientation, 0, 8)
        images = tuple(
            ImageInfo(
                os.fsdecode(image.name),
                image.width,
                image.height,
                image.components,
                image.orientation,
                tuple(image.level_bytes),
                image.source_bytes,
            )
            for image in message.images
        )
        labels = np.array(message.labels, dtype=np.int32)
        return cls(labels, message.progressive_levels, images)


@dataclass(frozen=True, slots=True)  # there may be 100 000
class RecordIndex:
    """What the index keeps of one record.

    Entry 0 of each tuple is the metadata's, entry k that of level k.
    """

    images: int
    file_bytes: int
    prefix_bytes: tuple[int, ...]
    group_bytes: tuple[int, ...]
    checksums: tuple[int, ...]
    file_checksum: int

    def encode(self) -> bytes:
        """As a serialized RecordIndex."""
        return pcr_pb2.RecordIndex(
            images=self.images,
            file_bytes=self.file_bytes,
            prefix_bytes=self.prefix_bytes,
            group_bytes=self.group_bytes,
            checksums=self.checksums,
            file_checksum=self.file_checksum,
        ).SerializeToString(deterministic=True)

    @classmethod
    def decode(cls, data: bytes, source: str) -> RecordIndex:
        """From a serialized RecordIndex; FormatError where it is not one, or makes no sense."""
        message = _parse(pcr_pb2.RecordIndex(), data, source)
        index = cls(
            message.images,
            message.file_bytes,
            tuple(message.prefix_bytes[:]),  # a slice is faster than an iterator
            tuple(message.group_bytes[:]),
            tuple(message.checksums[:]),
            message.file_checksum,
        )
        _check_record_index(index, source)
        return index


@dataclass(frozen=True)
class DatasetInfo:
    """What the index keeps of the dataset as a whole.

    ``source_bytes`` is 0 where it is not known, ``restart_rows`` where there are no restart markers.
    """

    classes: tuple[str, ...]
    images: int
    records: int
    levels: int
    ladder_name: str
    ladder_text: str = field(repr=False)
    images_per_record: int
    seed: int
    copied_markers: str
    index_checksum: int = 0
    source_bytes: int = 0
    restart_rows: int = 0

    @property
    def ladder(self) -> Ladder:
        """The ladder that the records were made with; FormatError where its text is damaged."""
        return Ladder.parse(self.ladder_name, self.ladder_text, complete=False)

    def first_levels(self, levels: int) -> DatasetInfo:
        """What the index of a copy says that has levels 1 … ``levels`` alone."""
        ladder = self.ladder.first_levels(levels)
        return replace(self, levels=levels, ladder_name=ladder.name, ladder_text=ladder.text)

    def sealed(self, records: Sequence[RecordIndex]) -> DatasetInfo:
        """The same with the checksum of an index that holds it and these records."""
        return self.sealed_over(record.encode() for record in records)

    def sealed_over(self, entries: Iterable[bytes]) -> DatasetInfo:
        """The same, of records as they are encoded."""
        unsealed = replace(self, index_checksum=0)
        digest = xxhash.xxh3_64(unsealed.encode())
        for entry in entries:
            digest.update(entry)
        return replace(self, index_checksum=digest.intdigest())

    def encode(self) -> bytes:
        """As a serialized DatasetMetadata."""
        return pcr_pb2.DatasetMetadata(
            format_version=layout.FORMAT_VERSION,
            classes=[os.fsencode(name) for name in self.classes],
            images=self.images,
            records=self.records,
            progressive_levels=self.levels,
            ladder_name=self.ladder_name,
            ladder_text=self.ladder_text,
            images_per_record=self.images_per_record,
            seed=self.seed,
            copied_markers=self.copied_markers,
            index_checksum=self.index_checksum,
            source_bytes=self.source_bytes,
            restart_rows=self.restart_rows,
        ).SerializeToString(deterministic=True)

    @classmethod
    def decode(cls, data: bytes, source: str) -> DatasetInfo:
        """From a serialized DatasetMetadata; FormatError where it is not one, or makes no sense."""
        message = _parse(pcr_pb2.DatasetMetadata(), data, source)
        if message.format_version != layout.FORMAT_VERSION:
            raise FormatError(
                f"{source}: expected format version {layout.FORMAT_VERSION}, "
                f"found {message.format_version}"
            )
        _check_range(source, "levels", message.progressive_levels, 1, MAX_SCANS)
        _check_range(source, "records", message.records, 0, layout.MAX_RECORDS)
        _check_range(source, "restart rows", message.restart_rows, 0, layout.MAX_RESTART_ROWS)
        _check_range(source, "classes", len(message.classes), 1, layout.MAX_CLASSES)
        return cls(
            tuple(os.fsdecode(name) for name in message.classes),
            message.images,
            message.records,
            message.progressive_levels,
            message.ladder_name,
            message.ladder_text,
            message.images_per_record,
            message.seed,
            message.copied_markers,
            message.index_checksum,
            message.source_bytes,
            message.restart_rows,
        )


def _parse(message: _M, data: bytes, source: str) -> _M:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        name = message.DESCRIPTOR.name
        raise FormatError(f"{source}: expected a {name} message, found: {error}") from None
    return message


def _check_range(source: str, what: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise FormatError(f"{source}: expected {least} to {most} {what}, found {value}")


def _check_record_index(index: RecordIndex, source: str) -> None:
    entries = {len(index.prefix_bytes), len(index.group_bytes), len(index.checksums)}
    if len(entries) != 1 or not 2 <= len(index.prefix_bytes) <= MAX_SCANS + 1:
        raise FormatError(
            f"{source}: expected as many prefixes, sizes and checksums as levels and one more, "
            f"found {len(index.prefix_bytes)}, {len(index.group_bytes)}, {len(index.checksums)}"
        )
    _check_range(source, "bytes", index.file_bytes, 1, layout.MAX_RECORD_BYTES)
    # Every image takes more than a byte of the metadata.
    most_images = min(layout.MAX_RECORD_IMAGES, index.group_bytes[0])
    _check_range(source, "images in a record", index.images, 0, most_images)
    if not _groups_fit(index):
        _refuse_groups(index, source)


def _groups_fit(index: RecordIndex) -> bool:
    """Whether each level's bytes lie after those before it; without a loop, for 100 000 records."""
    prefixes, sizes = index.prefix_bytes, index.group_bytes
    ends = map(add, (0, *prefixes), sizes)
    in_order = all(map(le, ends, prefixes)) and prefixes[-1] <= index.file_bytes
    return in_order and max(sizes) <= layout.MAX_GROUP_BYTES


def _refuse_groups(index: RecordIndex, source: str) -> None:
    """Name the first level that does not fit."""
    end = 0
    for level, (prefix, size) in enumerate(zip(index.prefix_bytes, index.group_bytes, strict=True)):
        if size > layout.MAX_GROUP_BYTES or not end + size <= prefix <= index.file_bytes:
            raise FormatError(
                f"{source}: expected the prefix of level {level} between {end + size} and "
                f"{index.file_bytes} bytes, found {prefix}"
            )
        end = prefix
