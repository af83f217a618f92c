"""The project's own entropy coding against libjpeg-turbo's: the same bytes, the same refusals."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
from helpers import jpegs
from helpers.coders import assert_same, outcome
from helpers.instruction_sets import digests
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pcr import _native as native
from pcr import jpeg
from pcr.ladder import Ladder

SCRIPTS = {
    **{name: Ladder.load(name).scripts for name in ("standard", "luma", "bitplane", "vision")},
    "sequential": {components: np.zeros((0, 9), np.int32) for components in (1, 3, 4)},
}
EARLY_BITS = np.array(  # first scans at high bits, refined bit by bit down to the last
    [[1, 0, 0, 0, 0, 0, 0, 0, 3]]
    + [[1, 0, 0, 0, 0, 0, 0, low + 1, low] for low in (2, 1, 0)]
    + [[1, 0, 0, 0, 0, 1, 63, 0, 6]]
    + [[1, 0, 0, 0, 0, 1, 63, low + 1, low] for low in range(5, -1, -1)],
    np.int32,
)


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("copy_markers", ["none", "exif", "all"])
def test_both_coders_write_the_same_bytes(good_jpeg, name, copy_markers):
    assert_same(good_jpeg, SCRIPTS[name], copy_markers=copy_markers)


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("restart_rows", [1, 2, 5])
def test_and_the_same_restart_markers(good_jpeg, name, restart_rows):
    assert_same(good_jpeg, SCRIPTS[name], restart_rows=restart_rows)


@pytest.mark.parametrize("name", jpegs.BAD)
def test_both_coders_refuse_the_same(name):
    make, _ = jpegs.BAD[name]
    if "65535" not in name:  # libjpeg has its own words for that
        assert_same(make(), SCRIPTS["standard"])


def noise(width: int, height: int, mode: str, seed: int, share: float) -> Image.Image:
    """A photograph, with a share of noise."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, len(mode)), np.uint8)
    image = Image.fromarray(values.squeeze(2) if mode == "L" else values, mode=mode)
    return Image.blend(jpegs.photo(width, height, mode), image, share)


@settings(max_examples=60)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    share=st.floats(0, 1),
    name=st.sampled_from(list(SCRIPTS)),
    seed=st.integers(0, 2**32 - 1),
    options=st.fixed_dictionaries(
        {
            "quality": st.integers(1, 100),
            "subsampling": st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
            "progressive": st.booleans(),
            "restart_marker_blocks": st.integers(0, 5),
        }
    ),
)
def test_of_any_image(size, mode, share, name, seed, options):
    assert_same(jpegs.encode(noise(*size, mode, seed, share), **options), SCRIPTS[name])


def test_long_runs_of_empty_bands():
    """An EOB run ends at 32 767 bands, and at a restart marker."""
    plain = jpegs.encode(Image.new("L", (8 * 300, 8 * 250), 77))
    result = jpeg.transcode(plain, {1: EARLY_BITS})
    assert result.tobytes() == outcome(plain, "libjpeg", {1: EARLY_BITS})
    for restart_rows in (1, 110, 200):
        assert_same(plain, {1: EARLY_BITS}, restart_rows=restart_rows)


@pytest.mark.parametrize("quality", [50, 90, 100])
def test_many_correction_bits(quality):
    """A run of bands is also ended where it has gathered too many correction bits."""
    source = jpegs.encode(noise(400, 300, "L", 1, 0.9), quality=quality)
    assert_same(source, {1: EARLY_BITS})
    assert_same(source, {1: EARLY_BITS}, restart_rows=3)
    assert_same(source, SCRIPTS["standard"])


def test_scripts_that_libjpeg_refuses():
    source = jpegs.encode(jpegs.photo(40, 30))
    standard = SCRIPTS["standard"][3]
    for row in range(len(standard)):
        assert_same(source, {3: np.delete(standard, row, axis=0)})
        for column in range(9):
            for change in (-1, 1):
                changed = standard.copy()
                changed[row, column] += change
                assert_same(source, {3: changed})
                assert_same(source, {3: changed}, restart_rows=1)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restart", [0, 3])
def test_damaged_bytes(progressive, restart):
    image = jpegs.photo(32, 24)
    source = jpegs.encode(image, progressive=progressive, restart_marker_blocks=restart)
    generator = random.Random(5)
    refused = 0
    for _ in range(600):
        damaged = bytearray(source)
        for _ in range(generator.randint(1, 2)):
            damaged[generator.randrange(len(source))] = generator.randrange(256)
        found = outcome(damaged, "native", SCRIPTS["standard"])
        if isinstance(found, str) and "is damaged or arithmetic-coded" in found:
            continue  # a side beyond libjpeg's limit
        assert found == outcome(damaged, "libjpeg", SCRIPTS["standard"])
        refused += isinstance(found, str)
    assert 0 < refused < 600


@pytest.mark.parametrize("removed", [1, 2, 5])
@pytest.mark.parametrize("added", [b"", b"\0", b"\xff\0", b"\x55\xaa\x55"])
def test_image_data_that_ends_early_or_late(removed, added):
    """libjpeg warns of a byte too many as of one too few."""
    source = jpegs.encode(jpegs.photo(33, 21))
    assert_same(source[:-2] + added + source[-2:], SCRIPTS["standard"])
    assert_same(source[: -2 - removed] + added + source[-2:], SCRIPTS["standard"])


def test_the_portable_kernels_write_the_same_bytes():
    assert len(digests(__file__, sets=("portable", "avx2"))) == 1


def digest() -> str:
    """A hash of what the kernels of this process make of all kinds of JPEGs."""
    result = hashlib.sha256()
    for make in jpegs.GOOD.values():
        for scripts in SCRIPTS.values():
            result.update(jpeg.transcode(make(), scripts))
            result.update(jpeg.transcode(make(), scripts, restart_rows=2))
    return result.hexdigest()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("name", ["standard", "sequential"])
def test_sides_of_65535_pixels(mode, name):
    """Greater than libjpeg can read or write, so only the native coder does them."""
    source = jpegs.tall(16, 65535, mode)
    assert "Maximum supported image dimension" in outcome(source, "libjpeg", SCRIPTS[name])
    result = jpeg.transcode(source, SCRIPTS[name]).tobytes()
    assert (jpeg.header(result).width, jpeg.header(result).height) == (16, 65535)
    before, after = (
        native.test_support.coefficients(data, max_pixels=1 << 21) for data in (source, result)
    )
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    short = jpegs.tall(16, 65472, mode)  # as tall as both can
    assert_same(short, SCRIPTS[name])
