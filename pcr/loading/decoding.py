"""Batches of JPEGs through the native decoder: the loader's work on its background thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcr.errors import FormatError
from pcr.extension import native
from pcr.loading.buffers import Output
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.source import JpegBatch, JpegSource
from pcr.loading.transforms import Transform, image_keys


@dataclass(frozen=True)
class Batch:
    """A decoded batch as the output made it, and the errors of images that others stand in for."""

    images: Any
    labels: Any
    errors: tuple[str, ...] = ()


class TensorDecoder:
    """Decodes the transform's windows of images into one buffer per batch, on native threads."""

    def __init__(
        self,
        source: JpegSource,
        output: Output,
        options: DecodeOptions,
        transform: Transform,
        epoch: int,
    ) -> None:
        self._source, self._output, self._options = source, output, options
        self._transform, self._epoch = transform, epoch
        self._pool = native.DecodePool(options.threads)
        self._arguments = _pool_arguments(output, options, transform)

    def decode(self, batch: JpegBatch) -> Batch:
        """One batch. FormatError, naming the image, where one can't be decoded or replaced."""
        buffer, labels = self._output.buffer(), batch.labels
        errors = self._decode_into(buffer, batch) if batch.jpegs else {}
        if errors:
            _replace_failed(buffer, labels, errors, self._options)
        return Batch(*self._output.finish(buffer, labels), tuple(errors.values()))

    def close(self) -> None:
        """End the threads."""
        del self._pool

    def _decode_into(self, buffer: NDArray[Any], batch: JpegBatch) -> dict[int, str]:
        sizes = native.picture_sizes(batch.jpegs).astype(np.int64)
        orientations = self._source.orientations(batch) if self._options.apply_orientation else None
        if orientations is not None:
            sizes = np.where(orientations[:, None] > 4, sizes[:, ::-1], sizes)
        # An image without a header gets any window: decoding it will tell what is wrong.
        keys = image_keys(self._source.order.seed, self._epoch, batch.images)
        boxes, flips = self._transform.windows(np.maximum(sizes, 1), keys)
        errors = self._pool.decode_batch(
            batch.jpegs,
            buffer,
            orientations=orientations,
            boxes=boxes,
            flips=flips,
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


class WholeImageDecoder:
    """Decodes whole images: lists of uint8 arrays of shape (height, width, 3)."""

    def __init__(self, source: JpegSource, output: Output, options: DecodeOptions) -> None:
        self._source, self._output, self._options = source, output, options
        self._executor = ThreadPoolExecutor(options.threads, thread_name_prefix="pcr-decode")

    def decode(self, batch: JpegBatch) -> Batch:
        """One batch; errors as TensorDecoder's."""
        labels, orientations = batch.labels, [1] * len(batch.jpegs)
        if self._options.apply_orientation:
            orientations = self._source.orientations(batch).tolist()
        found = list(self._executor.map(self._decode_one, batch.jpegs, orientations))
        errors = {
            i: self._source.error(batch.images[i], str(image))
            for i, image in enumerate(found)
            if isinstance(image, FormatError)
        }
        if errors:
            _replace_failed(found, labels, errors, self._options)
        return Batch(*self._output.finish_whole(found, labels), tuple(errors.values()))

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(cancel_futures=True)

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


def _replace_failed(
    images: Any, labels: NDArray[np.int64], errors: dict[int, str], options: DecodeOptions
) -> None:
    """Put the next good image of the batch in the place of each that failed."""
    count = len(labels)
    if options.on_error == "raise" or len(errors) == count:
        raise FormatError(next(iter(errors.values())))
    for failed in errors:
        good = next(i % count for i in range(failed, failed + count) if i % count not in errors)
        images[failed], labels[failed] = images[good], labels[good]
