"""Which images go into which record: a function of the source and the options alone.

So the same command makes the same plan again, a conversion that was stopped can resume, and many
machines can share one plan.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xxhash

from pcr.conversion.append import Base
from pcr.conversion.column_values import columns_to_write
from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.image_source import Source, Version
from pcr.dataset.columns import Column
from pcr.errors import DatasetError
from pcr.imagefolder import Sample

# A record ends early where its sources reach this size, to bound memory for large photographs.
MAX_RECORD_SOURCE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Shard:
    """The ``index``-th of ``count`` parts of a plan of ``plan_records`` records.

    first_record: the number in the plan of the shard's first record.
    plan_digest: tells one plan from another, whatever made them differ.
    """

    index: int
    count: int
    plan_records: int
    first_record: int
    plan_digest: str

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True)
class Plan:
    """Which images go into which record, in order.

    base: the dataset to append to, if any. columns: what is written of each image besides its label
    and name. shard: which part of a plan this is; None: a whole one.
    """

    source: Source
    options: ConversionOptions
    base: Base | None
    samples: tuple[Sample, ...]
    source_bytes: tuple[int, ...]
    record_starts: tuple[int, ...]
    fingerprint: str
    columns: tuple[Column, ...] = ()
    shard: Shard | None = None

    @classmethod
    def make(cls, source: Source, options: ConversionOptions, base: Base | None = None) -> Plan:
        """Shuffle the images and cut them into records; DatasetError where a file is missing."""
        columns = columns_to_write(source, options, base.schema if base else None)
        found = [_size_and_version(source, sample, options) for sample in source.samples]
        order = np.tile(np.arange(len(source.samples)), options.duplicate_dataset_factor)
        if options.shuffle:
            order = np.random.Generator(np.random.PCG64(options.seed)).permutation(order)
        positions = order.tolist()
        source_bytes = tuple(found[i][0] for i in positions)
        return cls(
            source,
            options,
            base,
            tuple(source.samples[i] for i in positions),
            source_bytes,
            tuple(record_starts(source_bytes, options.images_per_record)),
            _fingerprint(source, found, options, base),
            columns,
        )

    @property
    def records(self) -> int:
        """How many records are to be written."""
        return len(self.record_starts)

    @property
    def first_record(self) -> int:
        """The number of the first of them."""
        return self.base_records + (self.shard.first_record if self.shard else 0)

    @property
    def base_records(self) -> int:
        """How many records the dataset to append to has."""
        return len(self.base.records) if self.base else 0

    def record_range(self, record: int) -> range:
        """Positions in ``samples`` of the images of the ``record``-th record to write."""
        starts = (*self.record_starts, len(self.samples))
        return range(starts[record], starts[record + 1])

    def part(self, index: int, count: int) -> Plan:
        """The ``index``-th of ``count`` parts, as equal as may be in records; one may be empty."""
        first, stop = shard_records(self.records, index, count)
        starts = (*self.record_starts, len(self.samples))
        images = slice(starts[first], starts[stop])
        return replace(
            self,
            source=self.source.sendable(self.samples[images]),
            samples=self.samples[images],
            source_bytes=self.source_bytes[images],
            record_starts=tuple(start - images.start for start in starts[first:stop]),
            shard=Shard(index, count, self.records, first, self.digest()),
        )

    def digest(self) -> str:
        """Of what each record is to hold."""
        digest = xxhash.xxh3_128(repr(self.record_starts).encode())
        for sample in self.samples:
            digest.update(os.fsencode(f"{sample.name}\0{sample.label}\n"))
        return digest.hexdigest()

    def resumed(self, record_starts: Sequence[int]) -> Plan:
        """The same plan as an earlier run made it, before sources were rewritten to other sizes."""
        return replace(self, record_starts=tuple(record_starts))


def shard_records(records: int, index: int, count: int) -> tuple[int, int]:
    """The first record of a shard, and that after its last."""
    return index * records // count, (index + 1) * records // count


def _size_and_version(
    source: Source, sample: Sample, options: ConversionOptions
) -> tuple[int, Version]:
    """What the source says; zeros for a missing image where bad images are tolerated."""
    try:
        return source.size_and_version(sample)
    except OSError as error:
        if options.on_bad_image != "fail":
            return 0, 0
        raise DatasetError(
            f"{source.where(sample)}: expected an image, found: {error.strerror}"
        ) from None


def record_starts(
    source_bytes: Sequence[int],
    images_per_record: int,
    most_bytes: int = MAX_RECORD_SOURCE_BYTES,
) -> list[int]:
    """Positions of the first image of each record, given the sizes of the images' sources."""
    starts: list[int] = []
    images = size = 0
    for position, image_bytes in enumerate(source_bytes):
        full = images == images_per_record or size + image_bytes > most_bytes
        if not starts or (full and images > 0):
            starts.append(position)
            images = size = 0
        images += 1
        size += image_bytes
    return starts


def _fingerprint(
    source: Source,
    sizes_and_versions: Sequence[tuple[int, Version]],
    options: ConversionOptions,
    base: Base | None,
) -> str:
    """A digest of names, sizes and versions; of names alone if the conversion rewrites the files."""
    digest = xxhash.xxh3_128(base.digest() if base else b"")
    for sample, size_and_version in zip(source.samples, sizes_and_versions, strict=True):
        digest.update(os.fsencode(sample.name) + b"\0")
        if not options.convert_images:
            digest.update("{} {}\n".format(*size_and_version).encode())
    return digest.hexdigest()
