"""The native decoder's coefficients are libjpeg-turbo's, on whole, cut and damaged streams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from helpers import jpegs
from helpers.decode_samples import EOI, SAMPLES, each_sample, scan_ends
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pcr import _native as native
from pcr._native import test_support
from pcr.errors import FormatError

STEP = 8  # of the quantization in pictures of corrections


def coefficients_or_error(jpeg: bytes, decoder: str) -> list[np.ndarray] | str:
    try:
        return test_support.coefficients(
            jpeg, decoder, max_pixels=1 << 20
        )  # damaged sizes can be huge
    except FormatError:
        return "error"


def assert_same_coefficients(jpeg: bytes) -> None:
    own = coefficients_or_error(jpeg, "native")
    reference = coefficients_or_error(jpeg, "libjpeg")
    if isinstance(own, str) or isinstance(reference, str):
        assert own == reference
        return
    for ours, theirs in zip(own, reference, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@each_sample
def test_coefficients_equal_libjpeg(jpeg: bytes) -> None:
    assert_same_coefficients(jpeg)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "arithmetic"])
def test_every_scan_prefix_is_decoded_natively(name: str) -> None:
    for end in scan_ends(SAMPLES[name]):
        prefix = SAMPLES[name][:end] + EOI
        assert test_support.decodes_natively(prefix)
        assert_same_coefficients(prefix)


def test_arithmetic_coding_is_left_to_libjpeg() -> None:
    jpeg = SAMPLES["arithmetic"]
    assert not test_support.decodes_natively(jpeg)
    np.testing.assert_array_equal(
        native.decode_rgb(jpeg), native.decode_rgb(jpeg, decoder="libjpeg")
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.floats(0, 1), st.booleans())
def test_truncation_anywhere_gives_libjpegs_coefficients(
    name: str, part: float, with_eoi: bool
) -> None:
    jpeg = SAMPLES[name]
    assert_same_coefficients(jpeg[: int(len(jpeg) * part)] + (EOI if with_eoi else b""))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_damage_gives_libjpegs_coefficients(name: str, data: st.DataObject) -> None:
    jpeg = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(2, len(jpeg) - 1))
        jpeg[position] = data.draw(st.integers(0, 255))
    assert_same_coefficients(bytes(jpeg))


def jpeg_of_corrections(counts: Sequence[int]) -> bytes:
    """A progressive JPEG with 16 blocks in a row, of so many AC coefficients.

    These are 2 or 3 steps large: to its last scan, bands end everywhere, and all bits are corrections.
    """
    rng = np.random.default_rng(sum(counts))
    basis = np.sqrt(2 / 8) * np.cos(np.pi / 8 * (np.arange(8)[None] + 0.5) * np.arange(8)[:, None])
    basis[0] /= np.sqrt(2)
    picture = np.zeros((8 * (len(counts) // 16), 128))
    for i, count in enumerate(counts):
        block = np.zeros(64)
        places = rng.permutation(np.arange(1, 64))[:count]
        block[places] = rng.integers(2, 4, count) * rng.choice([-1, 1], count) * STEP
        x, y = i % 16 * 8, i // 16 * 8
        picture[y : y + 8, x : x + 8] = basis.T @ block.reshape(8, 8) @ basis
    gray = Image.fromarray((picture + 128).round().clip(0, 255).astype(np.uint8))
    return jpegs.encode(gray, qtables=[[STEP] * 64], progressive=True)


def test_corrections_of_bands_that_an_earlier_block_ends() -> None:
    for count in range(1, 64):
        jpeg = jpeg_of_corrections([count] * 96)
        (coefficients,) = test_support.coefficients(jpeg)
        assert np.count_nonzero(coefficients) == count * 96
        assert_same_coefficients(jpeg)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 63), min_size=48, max_size=48))
def test_corrections_of_any_number(counts: list[int]) -> None:
    jpeg = jpeg_of_corrections(counts)
    assert test_support.decodes_natively(jpeg)
    assert_same_coefficients(jpeg)


def test_a_scan_that_continues_none_is_left_to_libjpeg() -> None:
    jpeg = SAMPLES["progressive 4:2:0"]
    ends = scan_ends(jpeg)
    first, second = jpeg[ends[0] : ends[1]], jpeg[ends[1] : ends[2]]
    swapped = jpeg[: ends[0]] + second + first + first + jpeg[ends[2] :]
    assert not test_support.decodes_natively(swapped)
    assert_same_coefficients(swapped)


def test_scan_components_out_of_order_are_left_to_libjpeg() -> None:
    jpeg = bytearray(SAMPLES["baseline 4:2:0"])
    components = jpeg.index(b"\xff\xda") + 5
    jpeg[components : components + 6] = bytes([3, 0x11, 1, 0x00, 2, 0x11])
    assert not test_support.decodes_natively(bytes(jpeg))
    assert_same_coefficients(bytes(jpeg))
