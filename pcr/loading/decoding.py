"""Batches of JPEGs through the native decoder: the loader's work on its background thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.errors import FormatError
from pcr.extension import native
from pcr.loading.buffers import Output
from pcr.loading.callables import transform_batch, transform_images
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.jpeg_batch import JpegBatch
from pcr.loading.source import JpegSource
from pcr.loading.stand_ins import StandIns
from pcr.loading.windows import Transform, image_keys


@dataclass(frozen=True)
class Decoded:
    """A batch as the output sent it, and the errors of images that others stand in for."""

    sent: Any
    errors: tuple[str, ...] = ()


Values: TypeAlias = dict[str, Any]
"""What a batch has besides images, by name: an array or a list with one value for each image."""

Wait: TypeAlias = Callable[[], dict[int, str]]
"""Waits for a batch's images; says what is wrong with those that can't be decoded."""


@dataclass(frozen=True)
class Begun:
    """A batch of an epoch that is being decoded."""

    number: int
    jpegs: JpegBatch
    images: Any
    values: Values
    wait: Wait


class Decoder(ABC):
    """Decodes batches, and lets good images stand in for bad ones where `on_error` is "skip"."""

    def __init__(
        self, source: JpegSource, output: Output, options: DecodeOptions, epoch: int
    ) -> None:
        self._source, self._output, self._options = source, output, options
        self._epoch = epoch
        self._stand_ins: StandIns[tuple[Any, Values]] = StandIns(self.read, len(source))
        self._executor = ThreadPoolExecutor(options.threads, thread_name_prefix="pcr-decode")

    def read(self, first_batch: int) -> Generator[JpegBatch, None, None]:
        """The epoch's batches from that one on, as `begin` takes them."""
        return self._source.read(self._epoch, first_batch, self._plan)

    def begin(self, jpegs: JpegBatch, number: int) -> Begun:
        """Begin to decode the epoch's batch of that number."""
        images, values = self._new_images(), self._values(jpegs)
        wait = self._begin(jpegs, images, values) if len(jpegs) else dict
        return Begun(number, jpegs, images, values, wait)

    def finish(self, begun: Begun) -> Decoded:
        """Wait for a batch. Batches are finished in their order.

        Raises FormatError, naming the image, where one can't be decoded, or none of the epoch can.
        """
        jpegs, images, values, errors = begun.jpegs, begun.images, begun.values, begun.wait()
        if errors and self._options.on_error == "raise":
            raise FormatError(next(iter(errors.values())))
        for failed in errors:
            images[failed], own = self._stand_in(failed, images, values, errors, begun.number)
            for name, value in own.items():
                values[name][failed] = value
        batch = {"images": self._finished(images, len(jpegs))}
        batch |= {name: self._output.values(value) for name, value in values.items()}
        batch = self._transformed(batch, jpegs)
        return Decoded(self._output.send(batch), tuple(errors.values()))

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(cancel_futures=True)

    def _transformed(self, batch: Values, jpegs: JpegBatch) -> Values:
        """The batch as the user's callables make it."""
        on_images, on_batch = self._options.image_transform, self._options.batch_transform
        if on_images is not None:
            seeds = self._keys(jpegs.images["number"]).tolist()
            made = transform_images(on_images, batch["images"], seeds, self._executor)
            batch["images"] = self._output.collect(made)
        if on_batch is not None:
            batch = transform_batch(on_batch, batch, is_named(self._source, self._options))
        return batch

    def _keys(self, draws: NDArray[np.int64]) -> NDArray[np.uint64]:
        return image_keys(self._source.seed, self._epoch, draws)

    def _plan(self, jpegs: JpegBatch) -> JpegBatch:
        """What is worked out for the images of a record at once, not for each batch."""
        orient = self._options.apply_orientation
        jpegs.images["orientation"] = self._source.orientations(jpegs) if orient else 1
        return jpegs

    def _errors(self, jpegs: JpegBatch, messages: Iterable[tuple[int, str]]) -> dict[int, str]:
        """Messages on images as the source words them."""
        return {i: self._source.error(jpegs.images["number"][i], text) for i, text in messages}

    @abstractmethod
    def _new_images(self) -> Any:
        """Where a batch's images go, by their places."""

    @abstractmethod
    def _begin(self, jpegs: JpegBatch, images: Any, values: Values) -> Wait:
        """Begin to decode into the first places."""

    @abstractmethod
    def _finished(self, images: Any, count: int) -> Any:
        """The images as the output has them."""

    def _values(self, jpegs: JpegBatch) -> Values:
        """What is asked for of the images of a batch."""
        images = jpegs.images
        values: Values = {"labels": images["label"].copy()}
        values |= {name: column.copy() for name, column in jpegs.columns.items()}
        if self._options.return_index:
            values["index"] = images["number"].copy()
        if self._options.return_crop:
            values["window"], values["flip"] = images["box"].copy(), images["flip"].copy()
            values["size"] = images["size"][:, ::-1].copy()
        return values

    def _stand_in(
        self, failed: int, images: Any, values: Values, errors: dict[int, str], number: int
    ) -> tuple[Any, Values]:
        """The next good image of the batch, cyclically, else that of `StandIns`; and its values."""
        count = len(values["labels"])
        for place in (i % count for i in range(failed + 1, failed + count)):
            if place not in errors:
                return np.array(images[place]), _values_of(values, place)
        found = self._stand_ins.of(number, self._first_good)
        if found is None:
            raise FormatError(f"{errors[failed]}; nor can any other image of this share be decoded")
        image, own = found
        return np.array(image), own

    def _first_good(self, jpegs: JpegBatch) -> tuple[Any, Values] | None:
        """The first image of a batch that can be decoded, and its values."""
        images = self._new_images()
        for place in range(len(jpegs)):
            one = jpegs[place : place + 1]
            values = self._values(one)
            if not self._begin(one, images, values)():
                return np.array(images[0]), _values_of(values, 0)
        return None


def is_named(source: JpegSource, options: DecodeOptions) -> bool:
    """Whether batches are dictionaries, because they have more than images and labels."""
    return bool(source.columns or options.return_index or options.return_crop)


def _values_of(values: Values, place: int) -> Values:
    """Those of one image, to keep apart from the image's own."""
    return {name: deepcopy(of_all[place]) for name, of_all in values.items()}


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
        self._pool = native.DecodePool(
            options.threads, **_pool_arguments(output, options, transform)
        )

    def close(self) -> None:
        """See `Decoder`."""
        super().close()
        del self._pool

    def _new_images(self) -> NDArray[Any]:
        return self._output.buffer()

    def _finished(self, images: NDArray[Any], count: int) -> Any:
        return self._output.images(images, count)

    def _plan(self, jpegs: JpegBatch) -> JpegBatch:
        images = super()._plan(jpegs).images
        if not len(images):
            return jpegs
        is_turned = images["orientation"] > 4
        images["size"][is_turned] = images["size"][is_turned, ::-1]
        # An image without a header gets any window: decoding it will tell what is wrong.
        sizes, keys = np.maximum(images["size"], 1), self._keys(images["draw"])
        images["box"], images["flip"] = self._transform.windows(sizes, keys)
        return jpegs

    def _begin(self, jpegs: JpegBatch, images: NDArray[Any], values: Values) -> Wait:
        job = self._pool.begin(jpegs.buffers, images, jpegs.images)
        return lambda: self._errors(jpegs, job.wait())


def _pool_arguments(output: Output, options: DecodeOptions, transform: Transform) -> dict[str, Any]:
    """What all batches are decoded with; mean and std here are those of pixel values in 0 … 255."""
    return {
        "dtype": output.spec.dtype,
        "layout": output.spec.stored_layout,
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

    def _new_images(self) -> list[Any]:
        return []

    def _finished(self, images: list[Any], count: int) -> list[Any]:
        return [self._output.whole_image(image) for image in images]

    def _begin(self, batch: JpegBatch, images: list[Any], values: Values) -> Wait:
        orientations = batch.images["orientation"].tolist()
        decoded = self._executor.map(self._decode_one, batch.jpegs, orientations)

        def wait() -> dict[int, str]:
            images[:] = decoded
            if self._options.return_crop:
                values["size"][:] = [_height_and_width(image) for image in images]
                values["window"][:, 2:] = values["size"][:, ::-1]
            errors = ((i, str(e)) for i, e in enumerate(images) if isinstance(e, FormatError))
            return self._errors(batch, errors)

        return wait

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


def make_decoder(source: JpegSource, output: Output, options: DecodeOptions, epoch: int) -> Decoder:
    """The decoder of an epoch's batches, which is to be closed."""
    if options.transform is None:
        return WholeImageDecoder(source, output, options, epoch)
    return TensorDecoder(source, output, options, options.transform, epoch)


def _height_and_width(image: NDArray[np.uint8] | FormatError) -> tuple[int, ...]:
    return (0, 0) if isinstance(image, FormatError) else image.shape[:2]


def orient(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The image as EXIF's orientation 1 … 8 means it to be shown (EXIF 2.32, tag 0x0112)."""
    if orientation > 4:
        image = image.transpose(1, 0, 2)
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(image[:: -1 if rows else 1, :: -1 if columns else 1])
