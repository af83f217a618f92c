"""ByteSpans: images that are parts of larger files, such as the members of tar files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from pcr.dataset.columns import Column
from pcr.errors import FormatError
from pcr.imagefolder import Sample
from pcr.storage.local import LocalStore
from pcr.storage.location import join
from pcr.storage.store import Store


@dataclass(frozen=True)
class SourceFile:
    """One file of a store, and what tells its versions apart."""

    store: Store
    name: str
    version: str

    @property
    def location(self) -> str:
        """Its path or URL, fit for messages."""
        return join(self.store.location, self.name)


@dataclass(frozen=True, slots=True)  # there may be millions
class Span:
    """``size`` bytes of a file, from ``start`` on."""

    file: SourceFile
    start: int
    size: int

    def read(self) -> bytes:
        """The bytes; StorageError where they can't be had."""
        return self.file.store.read(self.file.name, self.size, self.start)

    @property
    def version(self) -> str:
        """What tells it from other bytes."""
        return f"{self.file.version} {self.start}"


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A column's value that is read when it is asked for: an array of NumPy's format, or bytes.

    example: of its type and shape: an array without memory of its own, or no bytes.
    """

    span: Span
    example: Any = b""

    def load(self) -> Any:
        """The value; FormatError where it is damaged."""
        data = self.span.read()
        if isinstance(self.example, bytes):
            return data
        try:
            return np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise FormatError(
                f"{self.span.file.location}: byte {self.span.start}: {error}"
            ) from None


@dataclass(frozen=True)
class ByteSpans:
    """Images by their names, each a part of a file. location: of the files, fit for messages."""

    location: str
    spans: Mapping[str, Span]
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]

    columns: ClassVar[tuple[Column, ...]] = ()

    @property
    def concurrent_reads(self) -> int:
        """As for the images of a folder, or of an object store."""
        file = next(iter(self.spans.values())).file if self.spans else None
        return 1 if file is None or isinstance(file.store, LocalStore) else 16

    def where(self, sample: Sample) -> str:
        """The file that one image is in, and its name there."""
        return f"{self.spans[sample.name].file.location}: {sample.name}"

    def size_and_version(self, sample: Sample) -> tuple[int, str]:
        """The bytes of one image, and what tells its versions apart."""
        span = self.spans[sample.name]
        return span.size, span.version

    def read(self, sample: Sample, most_bytes: int) -> bytes:
        """The bytes of one image; FormatError where there are too many, else StorageError."""
        span = self.spans[sample.name]
        if span.size > most_bytes:
            raise FormatError(f"expected at most {most_bytes} bytes, found {span.size}")
        return span.read()

    def values(self, sample: Sample) -> tuple[Any, ...]:
        """None."""
        return ()

    def rewritable(self, sample: Sample) -> None:
        """Parts of files are not rewritten."""

    def relabelled(self, classes: Sequence[str], samples: Sequence[Sample]) -> ByteSpans:
        """Some of the images, with other labels."""
        return replace(self, classes=tuple(classes), samples=tuple(samples))

    def sendable(self, samples: Sequence[Sample]) -> ByteSpans:
        """The same, knowing no other images."""
        spans = {sample.name: self.spans[sample.name] for sample in samples}
        return replace(self, samples=(), spans=spans)
