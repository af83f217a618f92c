"""FileIterator: minibatches of an ImageFolder's files, shared among ranks as PCRIterator shares a dataset."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from pcr import jpeg
from pcr.errors import DatasetError
from pcr.imagefolder import ImageFolder, Sample
from pcr.read_ahead import ReadAhead, Reading
from pcr.sampler import EpochOrder
from pcr.source import JpegBatch, JpegSource

READ_AHEAD_BATCHES = 2


class FileIterator(JpegSource):
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
        # The folder is one record of which all images are at hand.
        whole = (len(images.samples),)
        order = EpochOrder(whole, seed, 0, rank, world_size, shuffle, window_records=1)
        super().__init__(order, batch_size, Reading())
        self.images = images

    @property
    def class_names(self) -> list[str]:
        """The folder's class names; the position is the label."""
        return list(self.images.class_names)

    def draw(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch as positions in the folder's samples."""
        order, sizes = replace(self.order, epoch=epoch), self.batch_sizes
        drawn = [image for part in order.rounds() for image in part.images.tolist()]
        return [drawn[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True)]

    def read(self, epoch: int, first_batch: int = 0) -> Generator[JpegBatch, None, None]:
        """The batches of an epoch from ``first_batch`` on."""
        return _batches(self.images, self.draw(epoch)[first_batch:], self._reading)

    def orientations(self, batch: JpegBatch) -> NDArray[np.uint8]:
        """Each image's EXIF orientation, 1 … 8, from the file."""
        found = [jpeg.header(data).orientation for data in batch.jpegs]
        return np.array(found, dtype=np.uint8)

    def error(self, image: int, message: str) -> str:
        """One line that names the file."""
        return f"{self.images.path(self.images.samples[image])}: {message}"


def _batches(
    folder: ImageFolder, batches: list[list[int]], reading: Reading
) -> Generator[JpegBatch, None, None]:
    samples = folder.samples

    def read(batch: list[int]) -> tuple[list[NDArray[np.uint8]], int]:
        files = [_read(folder, samples[image]) for image in batch]
        return files, sum(map(len, files))

    with ReadAhead(read, batches, READ_AHEAD_BATCHES) as arrivals:
        for batch in batches:
            yield JpegBatch(
                reading.receive(arrivals),
                np.array([samples[image].label for image in batch], dtype=np.int64),
                np.array(batch, dtype=np.int64),
            )


def _read(images: ImageFolder, sample: Sample) -> NDArray[np.uint8]:
    path = images.path(sample)
    try:
        contents = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DatasetError(f"{path}: expected an image, it can't be read ({error})") from error
    if not len(contents):
        raise DatasetError(f"{path}: expected an image, found an empty file")
    return contents
