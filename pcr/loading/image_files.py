"""FileIterator: minibatches of an ImageFolder's files, shared among ranks as those of a dataset."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from pcr import jpeg
from pcr.errors import DatasetError, FormatError
from pcr.extension import native
from pcr.imagefolder import ImageFolder
from pcr.lazy import lazy
from pcr.loading.drawing import Drawing
from pcr.loading.jpeg_batch import JpegBatch, Plan, as_it_is, image_rows, whole_buffers
from pcr.loading.order import EpochOrder
from pcr.loading.ranks import Ranks
from pcr.loading.read_ahead import ReadAhead, Reading
from pcr.loading.source import JpegSource
from pcr.regular_file import read_regular

READ_AHEAD_BATCHES = 2


class FileIterator(JpegSource):
    """Minibatches of one rank's share of an ImageFolder; each ``for`` loop is one epoch.

    Batches are as `PCRIterator` gives them. Shuffled, the whole folder is mixed again in each
    epoch; not shuffled, the images come in the folder's order.
    """

    def __init__(
        self,
        folder: ImageFolder,
        batch_size: int,
        *,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        shuffle: bool = True,
        canonical_streams: int | None = None,
        only_jpegs: bool = False,
    ) -> None:
        """Read the images of ``folder``.

        batch_size: images per batch; the last batch may have fewer.
        seed: of the order, 0 or more.
        rank, world_size: which share of how many; None: those of torch's process group when an
            epoch begins, without one 0 of 1. Each worker of a DataLoader takes a share of its own.
        shuffle: whether the order is drawn.
        canonical_streams: how many streams the order has, whatever the number of ranks; None: as
            many as there are ranks when the run begins.
        only_jpegs: turn images of other formats (PNG, TIFF …) into JPEGs once they are read.

        Raises UsageError where an argument is out of range.
        """
        # The folder is one record of which all images are at hand.
        whole = (len(folder.samples),)
        order = EpochOrder(whole, seed, shuffle=shuffle, shuffle_buffer_records=1)
        ranks = Ranks(rank, world_size)
        drawing = Drawing(order, ranks, batch_size, canonical_streams=canonical_streams)
        super().__init__(drawing, Reading())
        self.folder = folder
        self._read = _read_jpeg if only_jpegs else _read

    def __repr__(self) -> str:
        return (
            f"<FileIterator over {str(self.folder.root)!r}: {self.num_images} of "
            f"{self.total_images} images in batches of {self.batch_size}, epoch {self.epoch}>"
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The folder's class names; the position is the label."""
        return self.folder.classes

    @lazy
    def checksum(self) -> str:
        """A checksum of the names of classes and files."""
        digest = xxhash.xxh3_64()
        for name in (*self.folder.classes, *(sample.name for sample in self.folder.samples)):
            digest.update(os.fsencode(name) + b"\0")
        return digest.hexdigest()

    def draw(self, epoch: int, first_batch: int = 0) -> Iterator[list[int]]:
        """The batches of an epoch from ``first_batch`` on, as positions in the folder's samples."""
        rounds = self.share(epoch, first_batch).rounds()
        images = (image for drawn in rounds for image in drawn.images.tolist())
        return (list(islice(images, size)) for size in self.sizes(epoch, first_batch))

    def read(
        self, epoch: int, first_batch: int = 0, plan: Plan = as_it_is
    ) -> Generator[JpegBatch, None, None]:
        """The batches of an epoch from ``first_batch`` on."""
        drawn = self.draw(epoch, first_batch)
        return _batches(self.folder, drawn, self._reading, self._read, plan)

    def orientations(self, batch: JpegBatch) -> NDArray[np.uint8]:
        """Each image's EXIF orientation, 1 … 8, from the file."""
        return np.array([_orientation(data) for data in batch.jpegs], dtype=np.uint8)

    def error(self, image: int, message: str) -> str:
        """One line that names the file."""
        return f"{self.folder.path(self.folder.samples[image])}: {message}"


def _orientation(data: NDArray[np.uint8]) -> int:
    try:
        return jpeg.header(data).orientation
    except FormatError:
        return 1  # decoding will tell what is wrong


def _batches(
    folder: ImageFolder,
    batches: Iterator[list[int]],
    reading: Reading,
    read_file: Callable[[Path], tuple[NDArray[np.uint8], int]],
    plan: Plan,
) -> Generator[JpegBatch, None, None]:
    samples = folder.samples

    def read(batch: list[int]) -> tuple[JpegBatch, int]:
        files = [read_file(folder.path(samples[image])) for image in batch]
        jpegs = [data for data, _ in files]
        labels = [samples[image].label for image in batch]
        spans = whole_buffers(jpegs)
        sizes = native.picture_sizes(jpegs, spans)
        images = image_rows(
            len(batch), span=spans, label=labels, number=batch, draw=batch, size=sizes
        )
        return JpegBatch(jpegs, images), sum(size for _, size in files)

    drawn = (read(batch) for batch in batches)
    with ReadAhead(drawn, READ_AHEAD_BATCHES, name="pcr-files") as arrivals:
        while True:
            try:
                batch = reading.receive(arrivals)
            except StopIteration:
                return
            yield plan(batch)


def _read(path: Path) -> tuple[NDArray[np.uint8], int]:
    """A file, and its size."""
    try:
        contents = np.frombuffer(read_regular(path), dtype=np.uint8)
    except OSError as error:
        raise DatasetError(
            f"{path}: expected an image, it can't be read ({error.strerror})"
        ) from error
    if not len(contents):
        raise DatasetError(f"{path}: expected an image, found an empty file")
    return contents, len(contents)


def _read_jpeg(path: Path) -> tuple[NDArray[np.uint8], int]:
    """A file as a JPEG, and the size that it has as it is.

    Anything but a JPEG becomes one of the best quality, which changes pixel values by about 1, as
    torchvision's ImageFolder sees it: in RGB, without an alpha channel.
    """
    contents, size = _read(path)
    if contents[:2].tobytes() == jpeg.SOI:
        return contents, size
    encoded = io.BytesIO()
    try:
        with Image.open(io.BytesIO(contents.data)) as image:
            if image.width * image.height > jpeg.MAX_PIXELS:
                raise DatasetError(f"{path}: expected {jpeg.MAX_PIXELS} pixels or less")
            image.convert("RGB").save(encoded, "JPEG", quality=100, subsampling="4:4:4")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path}: expected an image, it can't be decoded ({error})") from error
    return np.frombuffer(encoded.getbuffer(), dtype=np.uint8), size
