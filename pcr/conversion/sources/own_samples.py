"""Samples that the caller's own code yields, kept in a temporary file while they are converted.

So any iterable will do, also one that can be gone through once: the conversion takes its images in
another order, and needs their sizes before it begins.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import xxhash

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.byte_spans import SourceFile, Span
from pcr.conversion.sources.described import Described, describe
from pcr.conversion.sources.stored_bytes import StoredValue
from pcr.conversion.sources.stored_images import StoredImages
from pcr.errors import UsageError
from pcr.regular_file import named_errors
from pcr.storage.local import LocalStore
from pcr.tabular.table import Table

Samples: TypeAlias = Iterable[tuple[str, bytes, Mapping[str, Any]]]
"""Of each image its name, its bytes, and its columns, the label among them."""

LOCATION = "samples"
_FILE = "samples"


@dataclass(frozen=True, slots=True)
class SpooledBytes:
    """Bytes of the temporary file. version: their digest, the same whenever they are spooled."""

    span: Span
    version: str

    @property
    def location(self) -> str:
        """What is read."""
        return LOCATION

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.span.size

    def read(self) -> bytes:
        """The bytes."""
        return self.span.read()


def read_samples(samples: Samples, folder: Path, options: ConversionOptions) -> Described:
    """Go through the samples once; images, arrays and bytes are kept in a folder, the rest in memory.

    Raises UsageError for a sample that is none, and what the iterable raises.
    """
    file = SourceFile(LocalStore(folder), _FILE, "")
    names, places, rows = [], [], []
    with named_errors(folder / _FILE), (folder / _FILE).open("xb") as spool:
        for number, sample in enumerate(samples):
            name, image, fields = _checked(number, sample)
            names.append(name)
            places.append(_spooled(spool, file, image))
            rows.append({field: _kept(spool, file, value) for field, value in fields.items()})
    found = dict.fromkeys(field for row in rows for field in row)
    table = Table(LOCATION, {field: [row.get(field) for row in rows] for field in found})
    images = partial(StoredImages, LOCATION, dict(zip(names, places, strict=True)))
    return describe(table, names, images, options)


def _checked(number: int, sample: Any) -> tuple[str, bytes, Mapping[str, Any]]:
    is_triple = isinstance(sample, tuple | list) and len(sample) == 3
    name, image, fields = sample if is_triple else (None, None, None)
    if (
        isinstance(name, str)
        and isinstance(image, bytes | bytearray | memoryview)
        and isinstance(fields, Mapping)
    ):
        return name, bytes(image), fields
    kinds = [type(part).__name__ for part in sample] if is_triple else type(sample).__name__
    raise UsageError(
        f"sample {number}: expected (name, bytes of the image, dict of columns), found {kinds}",
        "source",
    )


def _kept(spool: BinaryIO, file: SourceFile, value: Any) -> Any:
    """A value, or its place where it may be large."""
    if isinstance(value, bytes):
        return StoredValue(_spooled(spool, file, value))
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        return value
    array = io.BytesIO()
    np.save(array, value, allow_pickle=False)
    example = np.broadcast_to(np.zeros((), value.dtype), value.shape)
    return StoredValue(_spooled(spool, file, array.getvalue()), example)


def _spooled(spool: BinaryIO, file: SourceFile, data: bytes) -> SpooledBytes:
    span = Span(file, spool.tell(), len(data))
    spool.write(data)
    return SpooledBytes(span, xxhash.xxh3_128_hexdigest(data))
