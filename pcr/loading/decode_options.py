"""DecodeOptions: how JPEGs become batches of tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from pcr.arguments import check_at_least, check_choice
from pcr.cores import usable_cores
from pcr.errors import UsageError
from pcr.jpeg import MAX_PIXELS
from pcr.loading.buffers import LAYOUTS, STORED_DTYPES, BatchSpec
from pcr.loading.callables import BatchTransform, ImageTransform, check_callable
from pcr.loading.windows import TrainTransform, Transform, check_transform

DEFAULT_TRANSFORM = TrainTransform()
Layout: TypeAlias = Literal["NCHW", "NHWC", "channels_last"]


@dataclass(frozen=True)
class DecodeOptions:
    """How a loader decodes what its source reads, and in what form it hands out the batches.

    transform: `TrainTransform`, `EvalTransform`, an object like them, or None for whole images.
    num_threads: native threads that decode; None: as many as the process may use cores.
    dtype: uint8 (pixel values 0 … 255, not normalised), float16, bfloat16 or float32, as a name or
        as torch's or NumPy's object; None: float32, and uint8 for whole images and image_transform.
    layout: the shape of images, "NCHW" or "NHWC"; or "channels_last": the shape NCHW, in memory as
        NHWC.
    device: "cpu", or a CUDA device, to which batches are copied ahead.
    output: "torch", or "numpy" for arrays; torch is not imported then.
    prefetch_batches: how many batches are made ahead; each takes memory of its own.
    apply_orientation: turn images as their EXIF data say, which torchvision's ImageFolder does not.
    on_error: "raise", or "skip": the next good image of the batch takes the place of one that can't
        be decoded, with its label; where the batch has none, the first one of the batches after it,
        then of this rank's epoch from its beginning, and an error where there is none. The loader
        counts it in ``skipped`` and warns once.
    decoder: "native", or "libjpeg", the slower reference.
    block_smoothing: at levels that have no AC coefficients of a component yet, interpolate its DC
        instead of showing flat blocks; with decoder="libjpeg" libjpeg's own smoothing, which also
        guesses at further coefficients that are missing.
    max_pixels: an image with more can't be decoded.
    return_index: whether batches have ``index``: each image's position in the data set, int64 (N,).
    return_crop: whether they have ``window``, float32 (N, 4), the part of each image that became
        the output: left, top, width and height in pixels of the source; ``flip``, bool (N,), whether
        it was mirrored then; and ``size``, int64 (N, 2), height and width of the source. With
        ``apply_orientation``, all of these are of the image as it was turned.
    image_transform: a callable for each image, after the window of ``transform``, on ``num_threads``
        threads of Python: it takes a uint8 image of the layout's shape. What it returns is stacked
        where shapes and dtypes agree, else a list. One with a parameter ``seed`` gets a number that
        depends on (seed, epoch, image) alone.
    batch_transform: a callable for each batch, ahead in the background: it takes images and labels,
        or the dictionary, and returns the same.

    Raises UsageError where a value is out of range.
    """

    transform: Transform | None = DEFAULT_TRANSFORM
    num_threads: int | None = None
    dtype: object = None
    layout: Layout = "NCHW"
    device: object = "cpu"
    output: Literal["torch", "numpy"] = "torch"
    prefetch_batches: int = 2
    apply_orientation: bool = False
    on_error: Literal["raise", "skip"] = "raise"
    decoder: Literal["native", "libjpeg"] = "native"
    block_smoothing: bool = True
    max_pixels: int = MAX_PIXELS
    return_index: bool = False
    return_crop: bool = False
    image_transform: ImageTransform | None = None
    batch_transform: BatchTransform | None = None

    def __post_init__(self) -> None:
        check_transform(self.transform)
        check_callable(image_transform=self.image_transform, batch_transform=self.batch_transform)
        check_at_least(1, prefetch_batches=self.prefetch_batches, max_pixels=self.max_pixels)
        check_at_least(1, num_threads=self.threads)
        check_choice(("native", "libjpeg"), decoder=self.decoder)
        check_choice(("raise", "skip"), on_error=self.on_error)
        check_choice(("torch", "numpy"), output=self.output)
        check_choice(LAYOUTS, layout=self.layout)
        check_choice(tuple(STORED_DTYPES), dtype=self.dtype_name)
        self._check_combinations()

    def _check_combinations(self) -> None:
        whole, numpy, device = self.transform is None, self.output == "numpy", str(self.device)
        if whole and self.dtype_name != "uint8":
            raise UsageError(f"expected uint8 for whole images, found {self.dtype_name}", "dtype")
        if self.image_transform is not None and self.dtype_name != "uint8":
            raise UsageError(
                f"expected uint8 for image_transform, found {self.dtype_name}: convert in "
                "image_transform or batch_transform",
                "dtype",
            )
        if numpy and self.dtype_name == "bfloat16":
            raise UsageError("NumPy has no bfloat16, expected uint8, float16 or float32", "dtype")
        if (whole or numpy) and device != "cpu":
            what = "NumPy arrays" if numpy else "whole images"
            raise UsageError(f"expected cpu for {what}, found {device!r}", "device")

    @property
    def threads(self) -> int:
        """How many threads decode."""
        return usable_cores() if self.num_threads is None else self.num_threads

    @property
    def dtype_name(self) -> str:
        """The name of the images' type."""
        if self.dtype is None:
            return "float32" if self.transform and not self.image_transform else "uint8"
        return _dtype_name(self.dtype)

    def spec(self, batch_size: int) -> BatchSpec:
        """The tensors of a batch; height and width are 0 for whole images."""
        height, width = self.transform.output_size if self.transform else (0, 0)
        return BatchSpec(batch_size, height, width, self.dtype_name, self.layout)


def _dtype_name(dtype: object) -> str:
    """The name of a type given as a name, as torch's object or as NumPy's."""
    if isinstance(dtype, type | np.dtype):
        return np.dtype(dtype).name
    return str(dtype).removeprefix("torch.")
