"""What the levels of a progressive JPEG look like, as multi-scale structural similarity (MS-SSIM).

Measured on luma, ITU-R BT.601 as Pillow's mode ``L``, of the image as Pillow decodes it: full size
(no draft mode), libjpeg's block smoothing on (its default), which hides some of the blockiness of
a JPEG whose AC coefficients are not all there yet.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pcr.errors import FormatError
from pcr.extension import native


def ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """MS-SSIM of two images: uint8 [height, width], or [height, width, 3] RGB.

    1 for equal images, never below 0. Wang, Simoncelli and Bovik (Asilomar 2003), five scales; what
    happens below 176 pixels and at odd sides says native/include/pcr/msssim.hpp. Raises ValueError
    where the sizes differ or an image is empty, TypeError for another dtype or shape.
    """
    return native.ms_ssim(_luma(a), _luma(b))


def decode_luma(jpeg: bytes) -> NDArray[np.uint8]:
    """The luma of an encoded image: uint8 [height, width]. Raises FormatError if it is damaged."""
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            return np.asarray(image.convert("L"))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise FormatError(f"expected an image that Pillow decodes, found: {error}") from None


def level_quality(jpegs: Sequence[bytes]) -> list[float]:
    """MS-SSIM of one image's levels against the last of them.

    ``jpegs`` are the complete JPEGs of level 1, 2, … and, last, the full level.
    """
    full = decode_luma(jpegs[-1])
    below = [ms_ssim(decode_luma(jpeg), full) for jpeg in jpegs[:-1]]
    return [*below, 1.0]


def _luma(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise TypeError(
            f"expected uint8 [height, width] or [height, width, 3], "
            f"found {image.dtype} of shape {image.shape}"
        )
    if image.ndim == 3:
        return np.asarray(Image.fromarray(image).convert("L"))
    return np.ascontiguousarray(image)
