"""Batches of records that are read once and given at any level, to compare levels."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pcr.errors import UsageError
from pcr.jpeg import EOI
from pcr.loading.iterator import PCRIterator
from pcr.loading.jpeg_batch import JpegBatch, Plan, as_it_is, whole_buffers
from pcr.loading.level_mix import Scans
from pcr.loading.read_ahead import Reading
from pcr.loading.source import JpegSource

_EOI = np.frombuffer(EOI, dtype=np.uint8)


class InMemoryBatches(JpegSource):
    """The first batches of an epoch, in memory; setting `n_scans` costs no reading."""

    def __init__(self, source: PCRIterator, epoch: int, batches: int) -> None:
        """Read that many batches of ``source``, or all where it has fewer, at full fidelity."""
        self._source = source
        self._level: int = source.levels
        source.n_scans = source.levels
        self._held = list(islice(source.read(epoch), batches))
        self._ends = [source.level_ends(batch) for batch in self._held]
        super().__init__(source.drawing, Reading(source.bytes_read))

    def __len__(self) -> int:
        """How many batches are held."""
        return len(self._held)

    def sizes(self, epoch: int, first_batch: int = 0) -> Iterator[int]:
        """The images of each batch that is held from ``first_batch`` on."""
        return (len(batch) for batch in self._held[first_batch:])

    @property
    def n_scans(self) -> int:
        """The level to which batches are cut."""
        return self._level

    @n_scans.setter
    def n_scans(self, n_scans: Scans | None) -> None:
        if isinstance(n_scans, Mapping):
            raise UsageError(f"expected one level, found {n_scans}", "n_scans")
        self._level = self._source.dataset.check_level(n_scans)

    @property
    def levels(self) -> int:
        """The number of levels of the dataset."""
        return self._source.levels

    @property
    def checksum(self) -> str:
        """The checksum of the dataset's index."""
        return self._source.checksum

    @property
    def classes(self) -> tuple[str, ...]:
        """The dataset's class names."""
        return self._source.classes

    def read(
        self, epoch: int, first_batch: int = 0, plan: Plan = as_it_is
    ) -> Generator[JpegBatch, None, None]:
        """The batches that are held from ``first_batch`` on, whatever the epoch."""
        level = self._level
        for batch, ends in zip(self._held[first_batch:], self._ends[first_batch:], strict=True):
            pairs = zip(batch.jpegs, ends[:, level - 1], strict=True)
            cut = [np.concatenate([jpeg[:end], _EOI]) for jpeg, end in pairs]
            images = batch.images.copy()
            images["span"] = whole_buffers(cut)
            yield plan(replace(batch, buffers=cut, images=images))

    def orientations(self, batch: JpegBatch) -> NDArray[np.uint8]:
        """The EXIF orientation of each image, 1 … 8."""
        return self._source.orientations(batch)

    def error(self, image: int, message: str) -> str:
        """One line that names the image and its record."""
        return self._source.error(image, message)
