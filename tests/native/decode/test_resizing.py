"""Crops, resizing and orientation of the native decoder, compared with Pillow."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from helpers.decode_samples import ORIENTATION_TAG, boxes, decode, encode, picture
from helpers.instruction_sets import VECTOR_SETS, digests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pcr import _native as native


@pytest.mark.parametrize("size", [(224, 224), (61, 133), (300, 40), (7, 5)])
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_resizing_is_pillows_bilinear(size: tuple[int, int], decoder: str) -> None:
    jpeg = encode(picture(331, 257), progressive=True)
    crops = boxes((0, 0, 331, 257), (13, 31, 200, 150), (100, 50, 31, 63))
    flips = np.array([False, True, False])
    out = decode([jpeg] * 3, size, boxes=crops, flips=flips, decoder=decoder, oversampling=np.inf)
    whole = Image.open(io.BytesIO(jpeg))
    for image, (x, y, w, h), flip in zip(out, crops, flips, strict=True):
        expected = whole.crop((x, y, x + w, y + h)).resize(size, Image.Resampling.BILINEAR)
        if flip:
            expected = ImageOps.mirror(expected)
        error = np.abs(image.transpose(1, 2, 0).astype(int) - np.asarray(expected))
        assert error.mean() <= 0.3
        assert np.percentile(error, 99.9) <= 2


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_resize_first_sees_the_pixels_around_the_box(orientation: int, decoder: str) -> None:
    image = Image.effect_noise((200, 150), 90)
    exif = image.getexif()
    exif[ORIENTATION_TAG] = orientation
    jpeg = encode(image, exif=exif, progressive=True)
    crops = boxes((0, 0, 150, 150), (30.25, 20.5, 90, 110.75), (40, 60, 17, 13), (100, 0, 50, 90))
    arguments = {"orientations": np.full(4, orientation, np.uint8), "oversampling": np.inf}
    arguments["decoder"] = decoder
    size = (32, 40)
    out = decode([jpeg] * 4, size, boxes=crops, resize_first=True, **arguments)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg))).convert("RGB")
    for image, (x, y, w, h) in zip(out, crops, strict=True):
        expected = shown.resize(size, Image.Resampling.BILINEAR, box=(x, y, x + w, y + h))
        assert np.abs(image.transpose(1, 2, 0).astype(int) - np.asarray(expected)).max() <= 1
    apart = np.abs(decode([jpeg] * 4, size, boxes=crops, **arguments).astype(int) - out).max((0, 1))
    assert apart[3:-3, 3:-3].max() <= 1 < apart.max()


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_reduced_scale_resizes_libjpegs_reduced_picture(factor: int, decoder: str) -> None:
    jpeg = encode(picture(352, 288))
    size = (352 // factor - 3, 288 // factor - 2)
    out = decode([jpeg], size, decoder=decoder)
    reduced = Image.fromarray(native.decode_rgb(jpeg, decoder="libjpeg", scale=factor))
    expected = reduced.resize(size, Image.Resampling.BILINEAR)
    error = np.abs(out[0].transpose(1, 2, 0).astype(int) - np.asarray(expected))
    assert error.max() <= 1


def test_fractional_boxes_shift_the_picture() -> None:
    ramp = np.broadcast_to(np.arange(0, 240, 4, dtype=np.uint8), (40, 60))
    jpeg = encode(Image.fromarray(ramp), quality=100)
    crops = boxes((10, 10, 20, 20), (10.5, 10, 20, 20), (10, 10.5, 20, 20))
    out = decode([jpeg] * 3, (20, 20), boxes=crops, dtype="float32")
    inner = (slice(None), slice(2, -2), slice(2, -2))
    assert np.abs((out[1] - out[0])[inner] - 2).max() < 0.8
    assert np.abs((out[2] - out[0])[inner]).max() < 0.8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("flip", [False, True])
def test_orientation_is_applied_before_crop_and_flip(orientation: int, flip: bool) -> None:
    image = picture(90, 67)
    exif = image.getexif()
    exif[ORIENTATION_TAG] = orientation
    jpeg = encode(image, exif=exif)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg)))
    crop = (5, 12, 50, 40)
    expected = shown.crop((5, 12, 55, 52)).resize((30, 45), Image.Resampling.BILINEAR)
    if flip:
        expected = ImageOps.mirror(expected)
    for layout in ("NCHW", "NHWC"):
        out = decode(
            [jpeg],
            (30, 45),
            boxes=boxes(crop),
            orientations=np.array([orientation], np.uint8),
            flips=np.array([flip]),
            layout=layout,
        )[0]
        out = out.transpose(1, 2, 0) if layout == "NCHW" else out
        assert np.abs(out.astype(int) - np.asarray(expected)).max() <= 1


sides = st.integers(1, 2500) | st.integers(1, 12)


@settings(max_examples=150)
@example(gray=128, source=(8000, 6000), size=(8, 8), oversampling=1.0)
@example(gray=255, source=(3, 65500), size=(1, 1), oversampling=np.inf)
@given(
    gray=st.integers(0, 255),
    source=st.tuples(sides, sides),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    oversampling=st.sampled_from([1.0, np.inf]),
)
def test_a_flat_picture_keeps_its_brightness(gray, source, size, oversampling):
    assert brightness_error(gray, source, size, oversampling) <= 0.03


def brightness_error(
    gray: int, source: tuple[int, int], size: tuple[int, int], oversampling: float
) -> float:
    """How far a flat picture is from its stored value after resizing, of 255."""
    jpeg = encode(Image.new("L", source, gray))
    stored = float(native.decode_rgb(jpeg)[0, 0, 0])
    out = decode([jpeg], size, dtype="float32", oversampling=oversampling)
    return float(np.abs(out - stored).max())


@pytest.mark.parametrize("size", [(5, 3), (64, 1), (30, 30)])
def test_strong_reduction_is_pillows_bilinear(size: tuple[int, int]) -> None:
    jpeg = encode(Image.effect_noise((700, 1900), 90))
    out = decode([jpeg], size, oversampling=np.inf)[0].transpose(1, 2, 0).astype(int)
    whole = Image.open(io.BytesIO(jpeg)).convert("RGB")
    assert np.abs(out - np.asarray(whole.resize(size, Image.Resampling.BILINEAR))).max() <= 1


def test_all_instruction_sets_keep_brightness() -> None:
    assert digests(__file__) == {"True\n"}


def digest() -> bool:
    """Whether this process keeps flat pictures flat, from enlarging to strong reduction."""
    sources = [(1, 1), (2, 9), (40, 50), (90, 300), (70, 2500)]
    return all(brightness_error(201, source, (17, 20), np.inf) <= 0.03 for source in sources)


def test_resizing_does_not_depend_on_the_instruction_set() -> None:
    assert len(digests(__file__, "digest_of_bytes")) == 1
    # Only vector kernels fuse products and sums, so floats differ in the last bit from portable ones.
    assert len(digests(__file__, "digest_of_floats", VECTOR_SETS)) == 1


def digest_of_bytes() -> str:
    return digest_of_noise("uint8")


def digest_of_floats() -> str:
    return digest_of_noise("float32")


def digest_of_noise(dtype: str) -> str:
    """A hash of pictures of noise, enlarged and reduced by many factors to many widths."""
    result = hashlib.sha256()
    for side in (1, 7, 31, 33, 64, 150):
        jpeg = encode(Image.effect_noise((side, 2 * side), 90))
        for size in ((3, 5), (17, 8), (32, 100), (49, 21)):
            for oversampling in (1.0, np.inf):
                out = decode([jpeg], size, dtype=dtype, oversampling=oversampling)
                result.update(out.tobytes())
    return result.hexdigest()
