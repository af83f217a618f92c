"""Batches of drawn images through the native decoder; the loader's work on its background thread."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcr.augment import Transform, image_keys
from pcr.errors import FormatError
from pcr.extension import native
from pcr.iterator import DrawnImage
from pcr.jpeg import MAX_PIXELS
from pcr.outputs import Output
from pcr.reader import Dataset


@dataclass(frozen=True)
class DecodeOptions:
    """How images are decoded; PCRLoader tells what each means."""

    num_threads: int
    decoder: str = "native"
    block_smoothing: bool = False
    apply_orientation: bool = False
    skip_errors: bool = False
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True)
class Batch:
    """A decoded batch as the output made it, and the errors of images that others stand in for."""

    images: Any
    labels: Any
    errors: tuple[str, ...] = ()


class DatasetImages:
    """What the decoder needs to know of a dataset's images beyond their bytes."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._first_image = np.cumsum([0, *(record.images for record in dataset.records)])
        self._orientations: dict[int, NDArray[np.uint8]] = {}

    def numbers(self, drawn: Sequence[DrawnImage]) -> NDArray[np.int64]:
        """Each image's position in the dataset."""
        return np.array([self._first_image[r] + i for _, r, i in drawn], dtype=np.int64)

    def orientations(self, drawn: Sequence[DrawnImage]) -> NDArray[np.uint8]:
        """Each image's EXIF orientation, 1 … 8, from its record's metadata."""
        for record in {record for _, record, _ in drawn} - self._orientations.keys():
            images = self.dataset.read_info(record).images
            self._orientations[record] = np.array(
                [image.orientation or 1 for image in images], dtype=np.uint8
            )
        return np.array([self._orientations[r][i] for _, r, i in drawn], dtype=np.uint8)

    def error(self, drawn: DrawnImage, message: str) -> str:
        """One line that names the image and its record."""
        _, record, image = drawn
        try:
            name = self.dataset.read_info(record).images[image].name
        except FormatError:
            name = f"number {image}"
        return f"{self.dataset.record_path(record)}: image {name}: {message}"


class TensorDecoder:
    """Decodes the transform's windows of images into one buffer per batch, on a native thread pool."""

    def __init__(
        self,
        images: DatasetImages,
        output: Output,
        options: DecodeOptions,
        transform: Transform,
        seed: int,
        epoch: int,
    ) -> None:
        self._images, self._output, self._options = images, output, options
        self._transform, self._seed, self._epoch = transform, seed, epoch
        self._pool = native.DecodePool(options.num_threads)

    def decode(self, drawn: Sequence[DrawnImage]) -> Batch:
        """One batch. Raises FormatError, naming the image, where one can't be decoded and none may be skipped."""
        labels = np.array([record.labels[image] for record, _, image in drawn], dtype=np.int64)
        buffer = self._output.buffer()
        errors = self._decode_into(buffer, drawn) if drawn else {}
        if errors:
            _replace_failed(buffer, labels, errors, self._options.skip_errors)
        return Batch(*self._output.finish(buffer, labels), tuple(errors.values()))

    def close(self) -> None:
        """End the threads."""
        del self._pool

    def _decode_into(self, buffer: NDArray[Any], drawn: Sequence[DrawnImage]) -> dict[int, str]:
        jpegs = [record[image] for record, _, image in drawn]
        offsets = np.fromiter(accumulate(map(len, jpegs), initial=0), np.int64, len(jpegs) + 1)
        data = np.concatenate(jpegs)
        sizes = native.headers(data, offsets)[:, :2].astype(np.int64)
        orientations = self._images.orientations(drawn) if self._options.apply_orientation else None
        if orientations is not None:
            sizes = np.where(orientations[:, None] > 4, sizes[:, ::-1], sizes)
        # An image without a header gets any window: decoding it will tell what is wrong.
        keys = image_keys(self._seed, self._epoch, self._images.numbers(drawn))
        boxes, flips = self._transform.windows(np.maximum(sizes, 1), keys)
        errors = self._pool.decode_batch(
            data,
            offsets,
            buffer,
            orientations=orientations,
            boxes=boxes,
            flips=flips,
            dtype=self._output.spec.dtype,
            layout=self._output.spec.layout,
            mean=[255 * value for value in self._transform.mean],
            std=[255 * value for value in self._transform.std],
            decoder=self._options.decoder,
            block_smoothing=self._options.block_smoothing,
            oversampling=self._transform.oversampling,
            resize_first=self._transform.resize_first,
            max_pixels=self._options.max_pixels,
        )
        return {i: self._images.error(drawn[i], message) for i, message in errors}


class WholeImageDecoder:
    """Decodes whole images, each at its own size: lists of uint8 arrays of shape (height, width, 3)."""

    def __init__(self, images: DatasetImages, output: Output, options: DecodeOptions) -> None:
        self._images, self._output, self._options = images, output, options
        self._executor = ThreadPoolExecutor(options.num_threads, thread_name_prefix="pcr-decode")

    def decode(self, drawn: Sequence[DrawnImage]) -> Batch:
        """One batch; errors as TensorDecoder's."""
        labels = np.array([record.labels[image] for record, _, image in drawn], dtype=np.int64)
        orientations = [1] * len(drawn)
        if self._options.apply_orientation:
            orientations = self._images.orientations(drawn).tolist()
        found = list(self._executor.map(self._decode_one, drawn, orientations))
        errors = {
            i: self._images.error(drawn[i], str(image))
            for i, image in enumerate(found)
            if isinstance(image, native.DecodeError)
        }
        if errors:
            _replace_failed(found, labels, errors, self._options.skip_errors)
        return Batch(*self._output.finish_whole(found, labels), tuple(errors.values()))

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(cancel_futures=True)

    def _decode_one(self, drawn: DrawnImage, orientation: int) -> Any:
        record, _, image = drawn
        try:
            decoded = native.decode_rgb(
                record[image],
                self._options.decoder,
                self._options.block_smoothing,
                max_pixels=self._options.max_pixels,
            )
        except native.DecodeError as error:
            return error
        return orient(decoded, orientation)


def orient(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The image as EXIF's orientation 1 … 8 means it to be shown (EXIF 2.32, tag 0x0112)."""
    if orientation > 4:
        image = image.transpose(1, 0, 2)
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(image[:: -1 if rows else 1, :: -1 if columns else 1])


def _replace_failed(
    images: Any, labels: NDArray[np.int64], errors: dict[int, str], skip: bool
) -> None:
    """Put the next good image of the batch in the place of each that failed, so that its size stays."""
    count = len(labels)
    if not skip or len(errors) == count:
        raise FormatError(next(iter(errors.values())))
    for failed in errors:
        good = next(i % count for i in range(failed, failed + count) if i % count not in errors)
        images[failed], labels[failed] = images[good], labels[good]
