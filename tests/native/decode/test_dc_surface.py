"""Components of which only DC is known come out as smooth surfaces."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers.decode_samples import (
    EOI,
    SAMPLES,
    boxes,
    decode,
    each_sample,
    encode,
    picture,
    scan_ends,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pcr import _native as native

IDCT_SIZES = {1: 8, 2: 4, 4: 2}  # by how much the picture is reduced: samples per side of a block


def first_scan(jpeg: bytes) -> bytes:
    """A JPEG up to its first scan: DC alone where it is progressive."""
    return jpeg[: scan_ends(jpeg)[0]] + EOI


def spline(dc: np.ndarray, size: int) -> np.ndarray:
    """Catmull-Rom interpolation of rows, ``size`` samples for each; edges are repeated."""
    samples = (np.arange(len(dc) * size) + 0.5) / size - 0.5
    left = np.floor(samples).astype(int)
    t = (samples - left)[:, None]
    before, first, second, after = (
        dc[np.clip(left + shift, 0, len(dc) - 1)] for shift in (-1, 0, 1, 2)
    )
    slope, curve = second - before, 2 * before - 5 * first + 4 * second - after
    bend = 3 * (first - second) + after - before
    return first + t / 2 * (slope + t * (curve + t * bend))


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    quality=st.integers(1, 100),
    scale=st.sampled_from(list(IDCT_SIZES)),
)
def test_samples_lie_on_splines_through_dc(
    width: int, height: int, quality: int, scale: int
) -> None:
    jpeg = first_scan(encode(picture(width, height, "L"), quality=quality, progressive=True))
    decoded = native.decode_rgb(jpeg, block_smoothing=True, scale=scale)[:, :, 0]
    step = Image.open(io.BytesIO(jpeg)).quantization[0][0]
    (component,) = native.test_support.coefficients(jpeg)
    dc = component[: -(-height // 8), : -(-width // 8), 0, 0].astype(float) * step / 8 + 128
    surface = spline(spline(dc, IDCT_SIZES[scale]).T, IDCT_SIZES[scale]).T
    expected = surface.clip(0, 255)[: decoded.shape[0], : decoded.shape[1]]
    assert np.abs(decoded - expected).max() <= 0.6


@each_sample
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_only_components_without_ac_change(jpeg: bytes, scale: int) -> None:
    plain = native.decode_rgb(jpeg, scale=scale)
    np.testing.assert_array_equal(native.decode_rgb(jpeg, block_smoothing=True, scale=scale), plain)


def test_chroma_alone_is_smooth_where_luma_has_ac() -> None:
    jpeg = SAMPLES["progressive 4:2:0"]
    jpeg = jpeg[: scan_ends(jpeg)[1]] + EOI
    plain, smooth = (
        np.asarray(Image.fromarray(native.decode_rgb(jpeg, block_smoothing=on)).convert("YCbCr"))
        for on in (False, True)
    )
    inside = ((plain > 0) & (plain < 255)).all(axis=2) & ((smooth > 0) & (smooth < 255)).all(axis=2)
    difference = np.abs(plain.astype(int) - smooth)[inside]
    assert difference[:, 0].mean() < 2 < difference[:, 1:].mean()


@each_sample
def test_a_crop_equals_the_crop_of_the_whole(jpeg: bytes) -> None:
    jpeg = first_scan(jpeg)
    whole = native.decode_rgb(jpeg, block_smoothing=True)
    height, width = whole.shape[:2]
    random = np.random.default_rng(len(jpeg))
    for _ in range(8):
        w, h = random.integers(1, [width + 1, height + 1])
        x, y = random.integers(0, [width - w + 1, height - h + 1])
        out = decode([jpeg], (w, h), boxes=boxes((x, y, w, h)), block_smoothing=True)
        np.testing.assert_array_equal(out[0].transpose(1, 2, 0), whole[y : y + h, x : x + w])


def test_a_flat_picture_stays_flat() -> None:
    for level in (0, 1, 127, 254, 255):
        jpeg = first_scan(encode(Image.new("L", (50, 34), level), progressive=True))
        smooth = native.decode_rgb(jpeg, block_smoothing=True)
        np.testing.assert_array_equal(smooth, native.decode_rgb(jpeg))


def test_it_is_closer_to_the_picture_than_flat_blocks() -> None:
    jpeg = encode(picture(200, 200), progressive=True)
    full = native.decode_rgb(jpeg).astype(float)
    errors = [
        np.square(native.decode_rgb(first_scan(jpeg), block_smoothing=on) - full).mean()
        for on in (False, True)
    ]
    assert errors[1] < 0.9 * errors[0]
