"""Images of a dataset at all of its levels: a random sample, or those of given names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pcr import jpeg
from pcr.arguments import check_at_least
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.record import Record
from pcr.errors import DatasetError, FormatError
from pcr.ladder import Ladder

_SEQUENTIAL = Ladder.parse("sequential", "")


@dataclass(frozen=True)
class LevelImage:
    """One image: the complete JPEGs of its levels, and its source file's size, 0 if unknown.

    ``record`` is the file that it is from, "" if none.
    """

    name: str
    jpegs: Sequence[bytes]
    source_bytes: int
    orientation: int = 1
    record: str = ""

    @classmethod
    def make(cls, info: ImageInfo, full: bytes, record: Record) -> LevelImage:
        """From what its record says of an image, and its JPEG at the last level."""
        jpegs = [full[:end] + jpeg.EOI for end in accumulate(info.level_bytes)]
        return cls(info.name, jpegs, info.source_bytes, info.orientation, record.location)

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Have errors of decoding name the image and its record, as a FormatError."""
        try:
            yield
        except (FormatError, OSError, Image.DecompressionBombError) as error:
            where = f"{self.record}: " if self.record else ""
            raise FormatError(f"{where}image {self.name!r}: {error}") from None


def sample_images(dataset: Dataset, images: int, seed: int = 0) -> Iterator[LevelImage]:
    """Up to ``images`` images drawn from the whole dataset. UsageError for a negative seed."""
    check_at_least(0, seed=seed)
    random = np.random.Generator(np.random.PCG64(seed))
    # Without a permutation: an index may promise more images than memory has numbers for.
    drawn = random.choice(len(dataset), min(images, len(dataset)), replace=False)
    return numbered_images(dataset, np.sort(drawn))


def numbered_images(dataset: Dataset, numbers: NDArray[np.int64]) -> Iterator[LevelImage]:
    """The images at these positions of the dataset, which ascend."""
    starts = np.cumsum([0, *dataset.record_sizes])
    for number in np.unique(np.searchsorted(starts, numbers, side="right") - 1).tolist():
        record = dataset.records[number]
        infos, full = record.info().images, record.read()
        inside = numbers[(numbers >= starts[number]) & (numbers < starts[number + 1])]
        for image in (inside - starts[number]).tolist():
            yield LevelImage.make(infos[image], full[image].tobytes(), record)


def named_images(dataset: Dataset, names: Sequence[str]) -> list[LevelImage]:
    """The images of those names, which are paths in the source folder.

    Raises DatasetError where the dataset has none of that name.
    """
    found: dict[str, LevelImage] = {}
    example = None
    for record in dataset.records:
        if len(found) == len(set(names)):
            break
        infos = record.info().images
        example = example or next((info.name for info in infos), None)
        inside = [image for image, info in enumerate(infos) if info.name in names]
        if inside:
            full = record.read()
            found |= {
                infos[i].name: LevelImage.make(infos[i], full[i].tobytes(), record) for i in inside
            }
    for name in names:
        if name not in found:
            others = f"others, such as {example!r}" if example else "none at all"
            raise DatasetError(f"{dataset.location}: expected an image {name!r}, found {others}")
    return [found[name] for name in names]


def to_baseline(data: bytes) -> bytes:
    """The same image as sequential JPEG: what a dataset without levels would hold."""
    if not jpeg.header(data).progressive:
        return data
    return jpeg.transcode(data, _SEQUENTIAL.scripts).tobytes()
