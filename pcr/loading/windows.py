"""Which part of an image becomes a tensor: crops and flips, drawn for a whole batch at once.

A draw depends on (seed, epoch, image) alone, so an image's pixels are the same whatever batch it is
in and however many threads decode it. The distributions and the rounding are those of torchvision's
`RandomResizedCrop`, `RandomHorizontalFlip`, `Resize` and `CenterCrop`
(https://docs.pytorch.org/vision/stable/transforms.html).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least, check_numbers, is_number
from pcr.errors import UsageError
from pcr.extension import native

Size: TypeAlias = int | tuple[int, int]
Triple: TypeAlias = tuple[float, float, float]
Windows: TypeAlias = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Boxes (n, 4) as x, y, width, height in pixels of the source; and flips (n,)."""

# Statistics of ImageNet's training set in RGB, pixel values in 0 … 1
# (https://pytorch.org/vision/stable/models.html).
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)

# The random-resized crop of the paper's training runs, which are those of NVIDIA's DALI ResNet
# example (https://docs.nvidia.com/deeplearning/dali/, use cases, PyTorch ResNet50).
PAPER_SCALE = (0.1, 1.0)  # of the image's area
PAPER_RATIO = (0.8, 1.25)  # width / height

CROP_ATTEMPTS = 10  # by DALI; native/src/decode/random_crops.cpp makes as many


@runtime_checkable
class Transform(Protocol):
    """What a loader asks of `TrainTransform`, `EvalTransform` or a class of your own."""

    @property
    def mean(self) -> Triple:
        """What is subtracted from pixel values in 0 … 1, per channel."""

    @property
    def std(self) -> Triple:
        """What they are divided by then."""

    @property
    def output_size(self) -> tuple[int, int]:
        """Height and width of every image of a batch."""

    @property
    def oversampling(self) -> float:
        """How large the window must be when its image is decoded at 1/2, 1/4 or 1/8 of its size.

        In outputs, in both directions: 1 or more, infinity for always at full size.
        """

    @property
    def resize_first(self) -> bool:
        """Whether the window is cut out of the resized image, or cut out first and then resized.

        At its border the filter then sees the pixels around it, or does not.
        """

    def windows(self, sizes: NDArray[np.int64], keys: NDArray[np.uint64]) -> Windows:
        """The window of each image that is resized to the output, and whether it is mirrored.

        sizes: int64 of shape (n, 2), width and height. keys: uint64 of shape (n,), of `image_keys`.
        """


@dataclass(frozen=True)
class TrainTransform:
    """A random window of random area and aspect ratio, resized to `size` and mirrored at random.

    size: of the output in pixels, one side of a square or (height, width).
    scale: least and greatest share of the image's area that the window has.
    ratio: least and greatest width / height of the window.
    flip: the probability of mirroring.
    mean, std: of pixel values in 0 … 1, per channel; ImageNet's.
    oversampling: images are decoded at 1/2, 1/4 or 1/8 of their size while the window is still this
        many times as large as the output in both directions; infinity: always at full size.
    """

    size: Size = 224
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    oversampling: float = 1.0

    def __post_init__(self) -> None:
        _check_output(self)
        check_numbers(2, scale=self.scale, ratio=self.ratio)
        for name, (least, most) in (("scale", self.scale), ("ratio", self.ratio)):
            if not 0 < least <= most:
                raise UsageError(f"expected 0 < least <= most, found {least} and {most}", name)
        if not is_number(self.flip) or not 0 <= self.flip <= 1:
            raise UsageError(f"expected a probability, found {self.flip!r}", "flip")

    @property
    def output_size(self) -> tuple[int, int]:
        """Height and width of the output."""
        return _pair(self.size)

    @property
    def resize_first(self) -> bool:
        """No: as `RandomResizedCrop`."""
        return False

    def windows(self, sizes: NDArray[np.int64], keys: NDArray[np.uint64]) -> Windows:
        """Random windows, whole pixels; flips after the crop."""
        return native.random_resized_crops(sizes, keys, self.scale, self.ratio, self.flip)


@dataclass(frozen=True)
class EvalTransform:
    """The centre: shorter side resized to `resize`, then its middle cut out, in one resampling.

    size: of the output in pixels, one side of a square or (height, width), at most `resize`.
    resize: of the shorter side in pixels.
    mean, std: of pixel values in 0 … 1, per channel; ImageNet's.
    oversampling: as for `TrainTransform`; images are decoded at full size unless it is finite.
    """

    size: Size = 224
    resize: int = 256
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    oversampling: float = math.inf

    def __post_init__(self) -> None:
        _check_output(self)
        check_at_least(1, resize=self.resize)
        if max(_pair(self.size)) > self.resize:
            raise UsageError(
                f"expected at most the {self.resize} of resize, found {self.size}", "size"
            )

    @property
    def output_size(self) -> tuple[int, int]:
        """Height and width of the output."""
        return _pair(self.size)

    @property
    def resize_first(self) -> bool:
        """Yes: as `Resize` and then `CenterCrop`."""
        return True

    def windows(self, sizes: NDArray[np.int64], keys: NDArray[np.uint64]) -> Windows:
        """Windows in fractions of pixels: the resized image's crop, scaled back; no flips."""
        resized = self.resize * sizes // sizes.min(axis=1, keepdims=True)
        crop = np.array(self.output_size[::-1])
        corner = np.rint((resized - crop) / 2)
        scale = sizes / resized
        boxes = np.concatenate([corner * scale, crop * scale], axis=1).astype(np.float32)
        return boxes, np.zeros(len(sizes), dtype=np.bool_)


def image_keys(seed: int, epoch: int, images: NDArray[np.int64]) -> NDArray[np.uint64]:
    """What the draws of an epoch depend on: uint64 of shape (n,) for n images' numbers."""
    return native.image_keys(_epoch_key(seed, epoch), images.astype(np.uint64))


def uniforms(keys: NDArray[np.uint64], stream: int, count: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), shape (n, count), by SplitMix64 (doi 10.1145/2660193.2660195).

    stream: a number for each purpose; `TrainTransform` draws flips from 0 and crops from 1.
    """
    return native.uniforms(keys, stream, count)


@lru_cache(maxsize=8)
def _epoch_key(seed: int, epoch: int) -> np.uint64:
    (key,) = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    return np.uint64(key)


def _pair(size: Size) -> tuple[int, int]:
    return size if isinstance(size, tuple | list) else (size, size)


def check_transform(transform: object) -> None:
    """Raise UsageError for anything but a `Transform` or None."""
    if transform is None:
        return
    if isinstance(transform, type) or not isinstance(transform, Transform):
        found = type(transform).__name__ if callable(transform) else repr(transform)
        raise UsageError(
            "expected a TrainTransform, an EvalTransform, an object with their attributes, or None, "
            f"found {found}: a callable on images goes into image_transform, one on batches into "
            "batch_transform",
            "transform",
        )
    _check_output(transform)


def _check_output(transform: Transform) -> None:
    height_width, oversampling = transform.output_size, transform.oversampling
    check_numbers(2, size=height_width)
    for side in height_width:
        check_at_least(1, size=side)
    check_numbers(3, mean=transform.mean, std=transform.std)
    if min(transform.std) <= 0:
        raise UsageError(f"expected positive values, found {transform.std}", "std")
    if not is_number(oversampling) or not oversampling >= 1:
        raise UsageError(f"expected 1 or more, found {oversampling!r}", "oversampling")
