"""MS-SSIM against its definition and against pytorch-msssim; the quality of a JPEG's levels."""

import io
from itertools import pairwise

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.signal import convolve2d

from pcr import jpeg
from pcr.errors import FormatError
from pcr.ladder import Ladder
from pcr.tools.quality import (
    decode_luma,
    level_quality,
    ms_ssim,
)

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
PHOTOGRAPH = Image.fromarray(skimage.data.astronaut())


def ms_ssim_by_definition(a, b):
    """Equations 1 to 7 of Wang, Simoncelli and Bovik (2003), in double precision."""
    distance = np.arange(-5, 6)
    window = np.exp(-(distance[:, None] ** 2 + distance**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    scales = next(n for n in (5, 4, 3, 2, 1) if n == 1 or min(a.shape) >= 11 * 2 ** (n - 1))
    weights = WEIGHTS[:scales] * WEIGHTS.sum() / WEIGHTS[:scales].sum()
    to_window = [(0, max(0, 11 - side)) for side in a.shape]
    a, b = (np.pad(image.astype(float), to_window, mode="edge") for image in (a, b))
    result = 1.0
    for scale, weight in enumerate(weights, start=1):
        mean_a, mean_b, aa, bb, ab = (
            convolve2d(moment, window, mode="valid") for moment in (a, b, a * a, b * b, a * b)
        )
        variances = aa - mean_a**2 + bb - mean_b**2
        term = (2 * (ab - mean_a * mean_b) + c2) / (variances + c2)
        if scale == scales:
            term = term * (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        result *= max(term.mean(), 0) ** weight
        a, b = (halved_by_definition(image) for image in (a, b))
    return result


def halved_by_definition(image):
    even = np.pad(image, [(0, side % 2) for side in image.shape], mode="edge")
    return even.reshape(even.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))


def photograph_and_damaged(width, height, quality):
    photograph = PHOTOGRAPH.convert("L").resize((width, height))
    file = io.BytesIO()
    photograph.save(file, "JPEG", quality=quality)
    return np.asarray(photograph), np.asarray(Image.open(file))


@pytest.mark.parametrize(
    ("width", "height"),
    [(500, 375), (333, 176), (175, 301), (88, 87), (23, 22), (21, 64), (10, 11), (1, 1)],
)
@pytest.mark.parametrize("quality", [5, 40])
def test_is_the_papers_definition(width, height, quality):
    pair = photograph_and_damaged(width, height, quality)
    assert ms_ssim(*pair) == pytest.approx(ms_ssim_by_definition(*pair), abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1), st.floats(0, 80))
def test_is_the_papers_definition_on_noise(height, width, seed, amplitude):
    random = np.random.default_rng(seed)
    a = random.integers(0, 256, (height, width), dtype=np.uint8)
    noise = random.normal(0, amplitude, a.shape)
    b = np.clip(a + noise, 0, 255).astype(np.uint8)
    assert ms_ssim(a, b) == pytest.approx(ms_ssim_by_definition(a, b), abs=1e-4)
    assert ms_ssim(a, b) == ms_ssim(b, a)


@pytest.mark.parametrize("quality", [5, 30, 80])
def test_agrees_with_pytorch_msssim(quality):
    """Sides of a multiple of 16, as pytorch-msssim pads odd ones with zeros on the way down."""
    pytorch_msssim = pytest.importorskip("pytorch_msssim", reason="of the extra 'dev'")
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    pair = photograph_and_damaged(512, 384, quality)
    tensors = [torch.tensor(image)[None, None].double() for image in pair]
    expected = float(pytorch_msssim.ms_ssim(*tensors, data_range=255))
    assert ms_ssim(*pair) == pytest.approx(expected, abs=1e-4)


@given(st.integers(1, 200), st.integers(1, 30), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_equal_images_are_1(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    assert ms_ssim(image, image) == 1


def test_negative_structure_is_0():
    image = np.asarray(PHOTOGRAPH.convert("L"))
    assert ms_ssim(image, 255 - image) == 0


def test_colour_counts_as_luma():
    rgb = np.asarray(PHOTOGRAPH)
    mirrored = np.ascontiguousarray(rgb[:, ::-1])
    expected = ms_ssim(*(np.asarray(Image.fromarray(i).convert("L")) for i in (rgb, mirrored)))
    assert ms_ssim(rgb, mirrored) == expected


def test_reads_part_of_an_image():
    image, damaged = photograph_and_damaged(200, 200, 20)
    copies = image[5:190, 7:185].copy(), damaged[5:190, 7:185].copy()
    assert ms_ssim(image[5:190, 7:185], damaged[5:190, 7:185]) == ms_ssim(*copies)


def test_refuses_other_sizes_and_types():
    image = np.zeros((20, 30), dtype=np.uint8)
    with pytest.raises(ValueError, match="30x20 with 30x19"):
        ms_ssim(image, image[1:])
    with pytest.raises(ValueError, match="empty"):
        ms_ssim(image[:0], image[:0])
    for other in (image.astype(float), image.astype(np.int8), image[0]):
        with pytest.raises(TypeError, match="expected uint8"):
            ms_ssim(other, other)


def encoded(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def jpegs_by_level(image, ladder):
    whole = jpeg.transcode(encoded(image), ladder.scripts)
    ends = ladder.level_offsets(len(image.getbands()), jpeg.split(whole))[1:]
    return [bytes(whole[:end]) + b"\xff\xd9" for end in ends]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_level_is_at_least_as_good_as_the_one_below(mode):
    quality = level_quality(jpegs_by_level(PHOTOGRAPH.convert(mode), Ladder.load("standard")))
    assert len(quality) == 10
    assert quality[-1] == 1
    assert quality[0] < 0.95
    assert all(low <= high + 0.003 for low, high in pairwise(quality))


@pytest.mark.parametrize("damaged", [b"", b"no image", encoded(PHOTOGRAPH)[:5000]])
def test_refuses_what_pillow_cannot_decode(damaged):
    with pytest.raises(FormatError):
        decode_luma(damaged)
    with pytest.raises(FormatError):
        level_quality([encoded(PHOTOGRAPH), damaged])
