"""What a JPEG says of itself before its first scan."""

from __future__ import annotations

import pytest
from helpers import jpegs

from pcr import jpeg
from pcr.ladder import Ladder


@pytest.mark.parametrize("number", ["H", "I"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [*range(10), 0x0106, 0xFFFF])
def test_exif_orientation(orientation, order, number):
    source = jpegs.encode(jpegs.photo(), exif=jpegs.exif(orientation, order, number))
    assert jpeg.header(source).orientation == (orientation if 1 <= orientation <= 8 else 1)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_orientation_beyond_16_bits_is_no_orientation(order):
    source = jpegs.encode(jpegs.photo(), exif=jpegs.exif(0x60006, order, "I"))
    assert jpeg.header(source).orientation == 1


def test_no_exif_block_however_damaged_breaks_the_header():
    source, block = jpegs.encode(jpegs.photo(8, 8)), jpegs.exif(3, ">")
    for size in range(len(block)):
        truncated = jpegs.with_segment(source, 0xE1, block[:size])
        assert jpeg.header(truncated).orientation in (1, 3)
    for offset in range(6, len(block)):
        for value in (0, 1, 0x7F, 0xFF):
            damaged = jpegs.with_segment(source, 0xE1, jpegs.patch(block, offset, bytes([value])))
            assert 1 <= jpeg.header(damaged).orientation <= 8


def test_header():
    found = jpeg.header(jpegs.encode(jpegs.photo(97, 61), progressive=True))
    assert found == jpeg.JpegHeader(
        width=97,
        height=61,
        components=3,
        orientation=1,
        progressive=True,
        arithmetic=False,
        precision=8,
        color_space="ycbcr",
        adobe_transform=None,
    )
    spaces = {name: jpeg.header(make()).color_space for name, make in jpegs.GOOD.items()}
    assert spaces["gray"] == "grayscale"
    assert spaces["rgb"] == "rgb"
    assert spaces["cmyk"] == spaces["cmyk without Adobe marker"] == "cmyk"
    assert spaces["ycck"] == "ycck"


def test_density_is_kept():
    result = jpeg.transcode(jpegs.GOOD["density"](), Ladder.load("standard").scripts)
    start, _ = jpegs.find(result.tobytes(), 0xE0)
    assert result[start + 11 : start + 16].tolist() == [1, 300 >> 8, 300 & 255, 0, 150]
