"""StoredImages: images within larger files, such as tar or Parquet files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pcr.conversion.sources.stored_bytes import StoredBytes
from pcr.dataset.columns import Column
from pcr.errors import FormatError
from pcr.imagefolder import Sample


@dataclass(frozen=True)
class StoredImages:
    """Images by their names. location: of all of them, fit for messages."""

    location: str
    places: Mapping[str, StoredBytes]
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    concurrent_reads: int = 1

    columns: ClassVar[tuple[Column, ...]] = ()

    def where(self, sample: Sample) -> str:
        """The file that one image is in, and the image's name."""
        return f"{self.places[sample.name].location}: {sample.name}"

    def size_and_version(self, sample: Sample) -> tuple[int, str]:
        """The bytes of one image, and what tells its versions apart."""
        place = self.places[sample.name]
        return place.size, place.version

    def read(self, sample: Sample, most_bytes: int) -> bytes:
        """The bytes of one image; OSError or FormatError where it is bad, else StorageError."""
        place = self.places[sample.name]
        if place.size > most_bytes:
            raise FormatError(f"expected at most {most_bytes} bytes, found {place.size}")
        return place.read()

    def values(self, sample: Sample) -> tuple[Any, ...]:
        """None."""
        return ()

    def rewritable(self, sample: Sample) -> None:
        """Parts of files are not rewritten."""

    def relabelled(self, classes: Sequence[str], samples: Sequence[Sample]) -> StoredImages:
        """Some of the images, with other labels."""
        return replace(self, classes=tuple(classes), samples=tuple(samples))

    def sendable(self, samples: Sequence[Sample]) -> StoredImages:
        """The same, knowing no other images."""
        places = {sample.name: self.places[sample.name] for sample in samples}
        return replace(self, samples=(), places=places)
