"""FileIterator: minibatches of an ImageFolder's files, shared among ranks as PCRIterator shares a dataset."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from pcr.epochs import Batch, EpochIterator
from pcr.errors import DatasetError
from pcr.imagefolder import ImageFolder, Sample
from pcr.iterator import ReadAhead
from pcr.sampler import EpochOrder, batch_count, batch_sizes

READ_AHEAD_BATCHES = 2


class FileIterator(EpochIterator):
    """Minibatches of one rank's share of an ImageFolder.

    Batches are as `pcr.iterator.PCRIterator` gives them. Shuffled, the whole folder is mixed anew in each epoch; not
    shuffled, the images come in the folder's order.
    """

    def __init__(
        self,
        images: ImageFolder,
        batch_size: int,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        self.images = images
        self.class_names = list(images.class_names)
        self.bytes_read = 0
        self.wait_seconds = 0.0
        # The folder is one record of which all images are at hand.
        self._order = EpochOrder(
            (len(images.samples),), seed, 0, rank, world_size, shuffle, window_records=1
        )
        batches = batch_count(len(images.samples), world_size, batch_size)
        self._batch_sizes = batch_sizes(len(self._order), batches, batch_size)

    @property
    def batch_sizes(self) -> list[int]:
        """Images of each of this rank's batches."""
        return self._batch_sizes

    def draw(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch as positions in the folder's samples."""
        order = replace(self._order, epoch=epoch)
        drawn = [image for part in order.rounds() for image in part.images.tolist()]
        ends = list(accumulate(self._batch_sizes))
        return [drawn[end - size : end] for size, end in zip(self._batch_sizes, ends, strict=True)]

    def _open(self, epoch: int, first_batch: int) -> Iterator[Batch]:
        return self._read_ahead(self.draw(epoch)[first_batch:])

    def _read_ahead(self, batches: list[list[int]]) -> Iterator[Batch]:
        samples = self.images.samples

        def read(batch: int) -> list[NDArray[np.uint8]]:
            return [_read(self.images, samples[image]) for image in batches[batch]]

        with ReadAhead(read, range(len(batches)), READ_AHEAD_BATCHES) as arrivals:
            for batch in batches:
                asked = time.perf_counter()
                files = next(arrivals)
                self.wait_seconds += time.perf_counter() - asked
                self.bytes_read += sum(map(len, files))
                yield files, [np.array([samples[i].label], dtype=np.int32) for i in batch]


def _read(images: ImageFolder, sample: Sample) -> NDArray[np.uint8]:
    path = images.path(sample)
    try:
        contents = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DatasetError(f"{path}: expected an image, it can't be read ({error})") from error
    if not len(contents):
        raise DatasetError(f"{path}: expected an image, found an empty file")
    return contents
