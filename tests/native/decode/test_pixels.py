"""The native decoder's pixels are those of libjpeg-turbo and Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.decode_samples import (
    EOI,
    SAMPLES,
    SAMPLINGS,
    boxes,
    decode,
    each_sample,
    encode,
    picture,
    pillow_rgb,
    scan_ends,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr import _native as native


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    sampling=st.sampled_from(SAMPLINGS),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    quality=st.integers(1, 100),
    progressive=st.booleans(),
)
def test_pixels_equal_pillow(
    width: int, height: int, sampling: str, mode: str, quality: int, progressive: bool
) -> None:
    options = {"subsampling": sampling} if mode == "RGB" else {}
    jpeg = encode(picture(width, height, mode), quality=quality, progressive=progressive, **options)
    np.testing.assert_array_equal(native.decode_rgb(jpeg), pillow_rgb(jpeg))


@each_sample
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_pixels_equal_libjpeg_at_every_scale(jpeg: bytes, scale: int) -> None:
    np.testing.assert_array_equal(
        native.decode_rgb(jpeg, scale=scale),
        native.decode_rgb(jpeg, decoder="libjpeg", scale=scale),
    )


@each_sample
def test_pixels_of_scan_prefixes_equal_libjpeg(jpeg: bytes) -> None:
    for end in scan_ends(jpeg)[:-1]:
        prefix = jpeg[:end] + EOI
        np.testing.assert_array_equal(
            native.decode_rgb(prefix), native.decode_rgb(prefix, decoder="libjpeg")
        )


@each_sample
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_a_crop_equals_the_crop_of_the_whole(jpeg: bytes, decoder: str) -> None:
    whole = native.decode_rgb(jpeg, decoder="libjpeg")
    height, width = whole.shape[:2]
    random = np.random.default_rng(len(jpeg))
    for _ in range(8):
        w, h = random.integers(1, [width + 1, height + 1])
        x, y = random.integers(0, [width - w + 1, height - h + 1])
        out = decode([jpeg], (w, h), boxes=boxes((x, y, w, h)), decoder=decoder)
        np.testing.assert_array_equal(out[0].transpose(1, 2, 0), whole[y : y + h, x : x + w])


@settings(max_examples=150, deadline=None)
@given(
    sampling=st.sampled_from(SAMPLINGS),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    sides=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    restart_rows=st.integers(0, 3),
    progressive=st.booleans(),
    smooth=st.booleans(),
    data=st.data(),
)
def test_any_crop_at_any_level_equals_that_of_the_whole(
    sampling: str,
    mode: str,
    sides: tuple[int, int],
    restart_rows: int,
    progressive: bool,
    smooth: bool,
    data: st.DataObject,
) -> None:
    """Rows below the crop are not decoded, whatever the scans, the sampling and the restarts."""
    options: dict[str, object] = {"subsampling": sampling} if mode == "RGB" else {}
    jpeg = encode(
        picture(*sides, mode),
        progressive=progressive,
        restart_marker_rows=restart_rows,
        **options,
    )
    if progressive:
        jpeg = jpeg[: data.draw(st.sampled_from(scan_ends(jpeg)))] + EOI
    (x, w), (y, h) = (
        (start, data.draw(st.integers(1, side - start)))
        for side in sides
        for start in [data.draw(st.integers(0, side - 1))]
    )
    whole = native.decode_rgb(jpeg, block_smoothing=smooth)
    out = decode([jpeg], (w, h), boxes=boxes((x, y, w, h)), block_smoothing=smooth)
    np.testing.assert_array_equal(out[0].transpose(1, 2, 0), whole[y : y + h, x : x + w])


def test_wide_image_crop_by_libjpeg_equals_the_whole() -> None:
    jpeg = encode(picture(400, 64), subsampling="4:2:0", progressive=True)
    whole = native.decode_rgb(jpeg, decoder="libjpeg")
    for x in range(100, 160):
        out = decode([jpeg], (70, 40), boxes=boxes((x, 9, 70, 40)), decoder="libjpeg")
        np.testing.assert_array_equal(out[0].transpose(1, 2, 0), whole[9:49, x : x + 70])


def test_block_smoothing_by_libjpeg_in_a_crop_equals_the_whole() -> None:
    jpeg = SAMPLES["progressive 4:2:0"]
    jpeg = jpeg[: scan_ends(jpeg)[0]] + EOI
    plain = native.decode_rgb(jpeg, decoder="libjpeg")
    smooth = native.decode_rgb(jpeg, decoder="libjpeg", block_smoothing=True)
    assert (plain != smooth).mean() > 0.5
    out = decode(
        [jpeg], (50, 40), boxes=boxes((9, 11, 50, 40)), decoder="libjpeg", block_smoothing=True
    )
    np.testing.assert_array_equal(out[0].transpose(1, 2, 0), smooth[11:51, 9:59])
