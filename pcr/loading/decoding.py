"""Batches of JPEGs through the native decoder: the loader's work on its background thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcr.errors import FormatError
from pcr.extension import native
from pcr.loading.buffers import Output
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.source import JpegBatch, JpegSource
from pcr.loading.stand_ins import StandIns
from pcr.loading.transforms import Transform, image_keys


@dataclass(frozen=True)
class Batch:
    """A decoded batch as the output made it, and the errors of images that others stand in for."""

    images: Any
    labels: Any
    errors: tuple[str, ...] = ()


class Decoder(ABC):
    """Decodes batches, and lets good images stand in for bad ones where `on_error` is "skip"."""

    def __init__(
        self, source: JpegSource, output: Output, options: DecodeOptions, epoch: int
    ) -> None:
        self._source, self._output, self._options = source, output, options
        self._epoch = epoch
        self._stand_ins: StandIns[tuple[Any, Any]] = StandIns(
            partial(source.read, epoch), len(source)
        )

    def decode(self, jpegs: JpegBatch, number: int) -> Batch:
        """The epoch's batch of that number.

        Raises FormatError, naming the image, where one can't be decoded, or none of the epoch can.
        """
        images, labels = self._new_images(), jpegs.labels.copy()
        errors = self._decode(jpegs, images) if jpegs.jpegs else {}
        if errors and self._options.on_error == "raise":
            raise FormatError(next(iter(errors.values())))
        for failed in errors:
            images[failed], labels[failed] = self._stand_in(failed, images, labels, errors, number)
        return self._finish(images, labels, tuple(errors.values()))

    @abstractmethod
    def close(self) -> None:
        """End the threads."""

    @abstractmethod
    def _new_images(self) -> Any:
        """Where a batch's images go, by their places."""

    @abstractmethod
    def _decode(self, jpegs: JpegBatch, images: Any) -> dict[int, str]:
        """Decode into the first places; what is wrong with those that can't be decoded."""

    @abstractmethod
    def _finish(self, images: Any, labels: NDArray[np.int64], errors: tuple[str, ...]) -> Batch:
        """The batch as the output makes it."""

    def _stand_in(
        self,
        failed: int,
        images: Any,
        labels: NDArray[np.int64],
        errors: dict[int, str],
        number: int,
    ) -> tuple[Any, Any]:
        """The next good image of the batch, cyclically, else that of `StandIns`; and its label."""
        count = len(labels)
        for place in (i % count for i in range(failed + 1, failed + count)):
            if place not in errors:
                return np.array(images[place]), labels[place]
        found = self._stand_ins.of(number, self._first_good)
        if found is None:
            raise FormatError(f"{errors[failed]}; nor can any other image of this share be decoded")
        image, label = found
        return np.array(image), label

    def _first_good(self, jpegs: JpegBatch) -> tuple[Any, Any] | None:
        """The first image of a batch that can be decoded, and its label."""
        images = self._new_images()
        for place in range(len(jpegs.jpegs)):
            if not self._decode(jpegs.only(place), images):
                return np.array(images[0]), jpegs.labels[place]
        return None


class TensorDecoder(Decoder):
    """Decodes the transform's windows of images into one buffer per batch, on native threads."""

    def __init__(
        self,
        source: JpegSource,
        output: Output,
        options: DecodeOptions,
        transform: Transform,
        epoch: int,
    ) -> None:
        super().__init__(source, output, options, epoch)
        self._transform = transform
        self._pool = native.DecodePool(options.threads)
        self._arguments = _pool_arguments(output, options, transform)

    def close(self) -> None:
        """See `Decoder`."""
        del self._pool

    def _new_images(self) -> NDArray[Any]:
        return self._output.buffer()

    def _finish(
        self, images: NDArray[Any], labels: NDArray[np.int64], errors: tuple[str, ...]
    ) -> Batch:
        return Batch(*self._output.finish(images, labels), errors)

    def _decode(self, batch: JpegBatch, images: NDArray[Any]) -> dict[int, str]:
        sizes = native.picture_sizes(batch.jpegs).astype(np.int64)
        orientations = self._source.orientations(batch) if self._options.apply_orientation else None
        if orientations is not None:
            sizes = np.where(orientations[:, None] > 4, sizes[:, ::-1], sizes)
        # An image without a header gets any window: decoding it will tell what is wrong.
        keys = image_keys(self._source.seed, self._epoch, batch.images)
        boxes, flips = self._transform.windows(np.maximum(sizes, 1), keys)
        errors = self._pool.decode_batch(
            batch.jpegs,
            images,
            orientations=orientations,
            boxes=np.asarray(boxes, dtype=np.float32),
            flips=np.asarray(flips, dtype=np.bool_),
            **self._arguments,
        )
        return {i: self._source.error(batch.images[i], message) for i, message in errors}


def _pool_arguments(output: Output, options: DecodeOptions, transform: Transform) -> dict[str, Any]:
    """What every batch is decoded with; mean and std here are those of pixel values in 0 … 255."""
    return {
        "dtype": output.spec.dtype,
        "layout": output.spec.layout,
        "mean": [255 * value for value in transform.mean],
        "std": [255 * value for value in transform.std],
        "decoder": options.decoder,
        "block_smoothing": options.block_smoothing,
        "oversampling": transform.oversampling,
        "resize_first": transform.resize_first,
        "max_pixels": options.max_pixels,
    }


class WholeImageDecoder(Decoder):
    """Decodes whole images: lists of uint8 arrays of shape (height, width, 3)."""

    def __init__(
        self, source: JpegSource, output: Output, options: DecodeOptions, epoch: int
    ) -> None:
        super().__init__(source, output, options, epoch)
        self._executor = ThreadPoolExecutor(options.threads, thread_name_prefix="pcr-decode")

    def close(self) -> None:
        """See `Decoder`."""
        self._executor.shutdown(cancel_futures=True)

    def _new_images(self) -> list[Any]:
        return []

    def _finish(
        self, images: list[Any], labels: NDArray[np.int64], errors: tuple[str, ...]
    ) -> Batch:
        return Batch(*self._output.finish_whole(images, labels), errors)

    def _decode(self, batch: JpegBatch, images: list[Any]) -> dict[int, str]:
        orientations = [1] * len(batch.jpegs)
        if self._options.apply_orientation:
            orientations = self._source.orientations(batch).tolist()
        images[:] = self._executor.map(self._decode_one, batch.jpegs, orientations)
        return {
            i: self._source.error(batch.images[i], str(image))
            for i, image in enumerate(images)
            if isinstance(image, FormatError)
        }

    def _decode_one(self, jpeg: NDArray[np.uint8], orientation: int) -> Any:
        try:
            decoded = native.decode_rgb(
                jpeg,
                self._options.decoder,
                self._options.block_smoothing,
                max_pixels=self._options.max_pixels,
            )
        except FormatError as error:
            return error
        return orient(decoded, orientation)


def orient(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The image as EXIF's orientation 1 … 8 means it to be shown (EXIF 2.32, tag 0x0112)."""
    if orientation > 4:
        image = image.transpose(1, 0, 2)
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(image[:: -1 if rows else 1, :: -1 if columns else 1])
