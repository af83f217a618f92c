"""The native decoder's pixels are those of libjpeg-turbo and Pillow."""

from __future__ import annotations

import re

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
from helpers.jpegs import find
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
    """Other rows are not decoded, whatever the scans, the sampling and the restarts."""
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


def crop_rows(jpeg: bytes, top: int, bottom: int) -> np.ndarray:
    """These rows of the picture, decoded as a crop; uint8 (3, rows, width)."""
    width, _ = native.picture_sizes([jpeg])[0]
    return decode([jpeg], (width, bottom - top), boxes=boxes((0, top, width, bottom - top)))[0]


@pytest.mark.parametrize("progressive", [False, True])
def test_restart_intervals_outside_of_a_crop_are_not_read(progressive: bool) -> None:
    jpeg = encode(picture(160, 64, "L"), progressive=progressive, restart_marker_rows=1)
    whole = native.decode_rgb(jpeg).transpose(2, 0, 1)
    damaged = bytearray(jpeg)
    for marker in (b"\xff\xd0", b"\xff\xd6"):  # before rows 8 and 56
        for found in re.finditer(re.escape(marker), jpeg):
            start, end = found.end(), jpeg.index(b"\xff", found.end())
            damaged[start:end] = bytes(end - start)
    assert (native.decode_rgb(bytes(damaged)).transpose(2, 0, 1) != whole).any()
    np.testing.assert_array_equal(crop_rows(bytes(damaged), 24, 40), whole[:, 24:40])


def with_restarts_in_some_scans(plain: bytes, restarting: bytes, chosen: set[int]) -> bytes:
    """A progressive JPEG whose chosen scans have restart markers. Both have the same coefficients."""
    frame = plain.index(b"\xff\xc4")  # the first Huffman table, after the frame
    interval = find(restarting, 0xDD)
    result = plain[:frame]
    bounds = [[frame, *scan_ends(plain)], [restarting.index(b"\xff\xc4"), *scan_ends(restarting)]]
    for number in range(len(bounds[0]) - 1):
        has_restarts = number in chosen
        dri = restarting[slice(*interval)] if has_restarts else b"\xff\xdd\0\4\0\0"
        source = restarting if has_restarts else plain
        start, end = bounds[has_restarts][number : number + 2]
        result += dri + source[start:end].replace(restarting[slice(*interval)], b"")
    return result + EOI


def test_refinement_that_begins_before_what_it_refines_decodes_all_rows() -> None:
    """What refinement reads of a block depends on earlier scans, which may have skipped it."""
    image = picture(48, 160, "L")
    plain = encode(image, progressive=True)
    restarting = encode(image, progressive=True, restart_marker_rows=1)
    whole = native.decode_rgb(plain).transpose(2, 0, 1)
    for chosen in ({1, 2}, {0, 1, 2, 3}, {3, 4}, {1, 2, 3, 4, 5}, {0, 5}):
        jpeg = with_restarts_in_some_scans(plain, restarting, chosen)
        np.testing.assert_array_equal(native.decode_rgb(jpeg).transpose(2, 0, 1), whole)
        np.testing.assert_array_equal(crop_rows(jpeg, 100, 120), whole[:, 100:120])


@pytest.mark.parametrize("replacement", [b"\x12\x34", b"\xff\xd5", b""])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_crop_after_a_wrong_restart_marker_equals_that_of_the_whole(
    progressive: bool, replacement: bytes
) -> None:
    jpeg = encode(picture(160, 160), progressive=progressive, restart_marker_rows=1)
    jpeg = jpeg.replace(b"\xff\xd1", replacement)
    whole = native.decode_rgb(jpeg, decoder="libjpeg").transpose(2, 0, 1)
    np.testing.assert_array_equal(crop_rows(jpeg, 100, 120), whole[:, 100:120])


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


@st.composite
def windows(draw: st.DrawFn, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of a part of a picture."""
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return left, top, draw(st.integers(1, width - left)), draw(st.integers(1, height - top))


@given(st.data(), st.sampled_from(sorted(SAMPLES)), st.booleans(), st.booleans())
def test_a_window_is_the_crop_of_the_whole(
    data: st.DataObject, name: str, native_decoder: bool, smooth: bool
) -> None:
    jpeg = SAMPLES[name]
    if data.draw(st.booleans(), "cut"):
        jpeg = jpeg[: data.draw(st.sampled_from(scan_ends(jpeg)), "end")] + EOI
    scale = data.draw(st.sampled_from([1, 2, 4, 8]), "scale")
    arguments = ("native" if native_decoder else "libjpeg", smooth, scale)
    whole = native.decode_rgb(jpeg, *arguments)
    left, top, width, height = data.draw(windows(whole.shape[1], whole.shape[0]), "window")
    part = native.decode_rgb(jpeg, *arguments, window=(left, top, width, height))
    assert np.array_equal(part, whole[top : top + height, left : left + width])


@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
@pytest.mark.parametrize(
    "window", [(0, 0, 46, 1), (0, 0, 1, 53), (45, 0, 1, 1), (0, 0, 0, 9), (1, 1, 2**32 - 1, 1)]
)
def test_a_window_that_is_not_inside_raises(decoder: str, window: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="the window is not inside the image"):
        native.decode_rgb(SAMPLES["progressive L"], decoder, window=window)
