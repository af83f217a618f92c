"""Lossless transcoding, splitting and headers of every kind of JPEG."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers import jpegs, reference
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pcr import jpeg
from pcr.errors import FormatError
from pcr.ladder import Ladder

STANDARD = Ladder.load("standard")
OTHER_THAN_JPEGTRAN = {
    name for name in jpegs.GOOD if name.startswith(("rgb", "cmyk", "ycck", "late"))
}
"""Without luma and chroma (or with K) jpegtran has another script; it moves late segments ahead."""
SEQUENTIAL = {components: np.zeros((0, 9), np.int32) for components in (1, 3, 4)}


def sequential(data: bytes | np.ndarray) -> bytes:
    """A sequential rewrite: the same bytes for the same coefficients, whatever their scans were."""
    return jpeg.transcode(data, SEQUENTIAL).tobytes()


def assert_lossless(source: bytes, result: np.ndarray) -> None:
    np.testing.assert_array_equal(jpegs.decode(result), jpegs.decode(source))
    assert sequential(result) == sequential(source)


def test_transcoding_is_lossless_and_gives_the_ladders_scans(good_jpeg, ladder):
    result = jpeg.transcode(good_jpeg, ladder.scripts)
    assert_lossless(good_jpeg, result)
    before, after = jpeg.header(good_jpeg), jpeg.header(result)
    assert (after.width, after.height, after.components) == (
        before.width,
        before.height,
        before.components,
    )
    assert after.color_space == before.color_space
    assert after.progressive and not after.arithmetic
    assert len(jpeg.split(result)) == len(ladder.scripts[before.components]) + 1


def test_a_ladder_without_scans_gives_sequential_jpeg(good_jpeg):
    result = jpeg.transcode(good_jpeg, SEQUENTIAL)
    assert not jpeg.header(result).progressive
    np.testing.assert_array_equal(jpegs.decode(result), jpegs.decode(good_jpeg))


@pytest.mark.skipif(shutil.which("jpegtran") is None, reason="jpegtran is not installed")
@pytest.mark.parametrize("name", sorted(jpegs.GOOD.keys() - OTHER_THAN_JPEGTRAN))
@pytest.mark.parametrize("copy_markers", ["none", "all"])
def test_the_standard_ladder_is_what_jpegtran_writes(name, copy_markers):
    source = jpegs.GOOD[name]()
    command = ["jpegtran", "-copy", copy_markers, "-optimize", "-progressive"]
    expected = subprocess.run(command, input=source, capture_output=True, check=True).stdout
    result = jpeg.transcode(source, STANDARD.scripts, copy_markers=copy_markers)
    assert result.tobytes() == expected


@settings(max_examples=40)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    quality=st.integers(1, 100),
    subsampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    progressive=st.booleans(),
    restart=st.integers(0, 5),
    name=st.sampled_from(["standard", "luma"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_image_survives_the_trip(
    width, height, mode, quality, subsampling, progressive, restart, name, seed
):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, len(mode)), np.uint8)
    image = Image.blend(
        Image.fromarray(noise.squeeze(2) if mode == "L" else noise, mode=mode),
        jpegs.photo(width, height, mode),
        0.7,
    )
    source = jpegs.encode(
        image,
        quality=quality,
        subsampling=subsampling,
        progressive=progressive,
        restart_marker_blocks=restart,
    )
    assert_lossless(source, jpeg.transcode(source, Ladder.load(name).scripts))


def test_split_agrees_with_the_reference(good_jpeg, ladder):
    assert jpeg.split(good_jpeg).tolist() == reference.split(good_jpeg)
    result = jpeg.transcode(good_jpeg, ladder.scripts)
    borders = jpeg.split(result)
    assert borders.dtype == np.int64
    assert borders.tolist() == reference.split(result.tobytes())
    assert borders[0] == 0 and borders[-1] == len(result) - 2


def test_every_prefix_of_scans_and_an_eoi_is_a_jpeg(good_jpeg, ladder):
    result = jpeg.transcode(good_jpeg, ladder.scripts)
    borders = jpeg.split(result)
    for n_scans, end in enumerate(borders[1:], start=1):
        prefix = result[:end].tobytes() + b"\xff\xd9"
        assert jpeg.split(prefix).tolist() == borders[: n_scans + 1].tolist()
        assert jpegs.decode(prefix).shape == jpegs.decode(result).shape


@pytest.mark.parametrize("name", list(jpegs.BAD))
def test_what_cannot_be_transcoded_is_named(name):
    make, words = jpegs.BAD[name]
    with pytest.raises(FormatError, match=words) as raised:
        jpeg.transcode(make(), STANDARD.scripts)
    assert "\n" not in str(raised.value)


def split_or_none(split, data):
    try:
        return [int(border) for border in split(data)]
    except FormatError:
        return None


@pytest.mark.parametrize("name", list(jpegs.BAD))
def test_the_reference_refuses_what_split_refuses(name):
    data = jpegs.BAD[name][0]()
    assert split_or_none(jpeg.split, data) == split_or_none(reference.split, data)


@pytest.mark.parametrize("name", ["baseline", "progressive", "gray", "cmyk"])
def test_every_truncation_is_refused(name):
    source = jpegs.encode(
        jpegs.photo(24, 16, {"gray": "L", "cmyk": "CMYK"}.get(name, "RGB")),
        progressive=name == "progressive",
    )
    for size in range(len(source)):
        assert split_or_none(reference.split, source[:size]) is None
        with pytest.raises(FormatError):
            jpeg.split(source[:size])
        with pytest.raises(FormatError):
            jpeg.transcode(source[:size], STANDARD.scripts)


@pytest.mark.parametrize("progressive", [False, True])
def test_damaged_bytes_are_refused_or_decode_as_before(progressive):
    source = jpegs.encode(jpegs.photo(32, 24), progressive=progressive)
    generator = random.Random(7)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(source)
        for _ in range(generator.randint(1, 3)):
            damaged[generator.randrange(len(source))] = generator.randrange(256)
        assert split_or_none(jpeg.split, damaged) == split_or_none(reference.split, bytes(damaged))
        try:
            result = jpeg.transcode(damaged, STANDARD.scripts)
        except FormatError:
            refused += 1
        else:
            np.testing.assert_array_equal(jpegs.decode(result), jpegs.decode(damaged))
    assert 0 < refused < 1500


def test_the_pixel_limit_is_checked_before_decoding():
    source = jpegs.encode(jpegs.photo(20, 10))
    jpeg.transcode(source, STANDARD.scripts, max_pixels=200)
    with pytest.raises(FormatError, match="20 x 10 pixels exceeds the limit of 199 pixels"):
        jpeg.transcode(source, STANDARD.scripts, max_pixels=199)
    huge = jpegs.patch_frame(source, 1, b"\xff\x00\xff\x00")
    with pytest.raises(FormatError, match="65280 x 65280 pixels exceeds"):
        jpeg.transcode(huge, STANDARD.scripts)


def test_two_components_have_no_script():
    source = jpegs.encode(jpegs.photo())
    start, end = jpegs.find(source, 0xC0)
    frame = b"\xff\xc0\0\x0e" + source[start + 4 : start + 9] + b"\x02"
    two = source[:start] + frame + source[start + 10 : start + 16] + source[end:]
    with pytest.raises(FormatError, match="JPEG with 2 components"):
        jpeg.transcode(two, STANDARD.scripts)


@pytest.mark.parametrize("mode", ["CMYK", "RGB"])
def test_an_adobe_marker_is_kept_but_never_invented(mode):
    source = jpegs.encode(jpegs.photo(mode=mode), keep_rgb=True)
    assert jpeg.header(source).adobe_transform == 0
    result = jpeg.transcode(source, STANDARD.scripts)
    assert jpeg.header(result).adobe_transform == 0
    bare = jpegs.without_segment(source, 0xEE)
    assert jpeg.header(jpeg.transcode(bare, STANDARD.scripts)).adobe_transform is None


def test_copying_markers():
    source = jpegs.encode(
        jpegs.photo(), exif=jpegs.exif(8), icc_profile=b"profile", comment=b"a comment"
    )
    source = jpegs.with_segment(source, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
    kept = {
        option: bytes(jpeg.transcode(source, STANDARD.scripts, copy_markers=option))
        for option in ("none", "exif", "all")
    }
    present = {
        option: [text in data for text in (b"Exif\0", b"profile", b"a comment", b"<x/>")]
        for option, data in kept.items()
    }
    assert present == {
        "none": [False] * 4,
        "exif": [True, False, False, False],
        "all": [True] * 4,
    }
    assert [jpeg.header(kept[option]).orientation for option in kept] == [1, 8, 8]
    for data in kept.values():
        assert_lossless(source, np.frombuffer(data, np.uint8))
        assert data.count(b"JFIF\0") == 1


@pytest.mark.parametrize("coder", ["native", "libjpeg"])
@pytest.mark.parametrize("copy_markers", ["none", "exif", "all"])
@pytest.mark.parametrize("name", [name for name in jpegs.GOOD if "late" in name])
def test_segments_after_the_first_scan_stay_without_a_meaning(name, copy_markers, coder):
    source = jpegs.GOOD[name]()
    options = {"copy_markers": copy_markers, "coder": coder}
    rewritten = jpeg.rewrite(source, STANDARD.scripts, **options)
    result = rewritten.data.tobytes()
    assert_lossless(source, rewritten.data)
    before, after = jpeg.header(source), jpeg.header(result)
    assert after.color_space == before.color_space
    assert after.orientation == before.orientation
    assert rewritten.borders.tolist() == reference.split(result)
    segment = source[source.rindex(b"\xff", 0, -2) :] if copy_markers == "all" else b"\xff\xd9"
    assert result.endswith(segment)
    again = jpeg.rewrite(result, STANDARD.scripts, **options)
    assert again.data.tobytes() == result


def test_every_scan_must_be_there():
    source = jpegs.encode(jpegs.photo(), progressive=True)
    for count in range(1, len(jpeg.split(source)) - 1):
        with pytest.raises(FormatError, match=r"scans are missing: component [123] lacks"):
            jpeg.transcode(jpegs.first_scans(source, count), STANDARD.scripts)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, "u1")])
def test_any_buffer_of_bytes_will_do(wrap):
    source = jpegs.encode(jpegs.photo())
    assert jpeg.split(wrap(source)).tolist() == reference.split(source)


@pytest.mark.parametrize(
    "wrong",
    ["text", 3, None, np.zeros(4, np.int32), np.zeros((2, 2), np.uint8), np.zeros(8, "u1")[::2]],
    ids=["str", "int", "None", "int32", "2-D", "strided"],
)
def test_other_objects_are_a_type_error(wrong):
    for function in (jpeg.split, jpeg.header, lambda data: jpeg.transcode(data, SEQUENTIAL)):
        with pytest.raises(TypeError, match="expected contiguous bytes"):
            function(wrong)


def test_scripts_of_the_wrong_type_or_shape():
    source = jpegs.encode(jpegs.photo())
    for wrong in (STANDARD.scripts[3].astype(np.int64), STANDARD.scripts[3].tolist()):
        with pytest.raises(TypeError, match="int32"):
            jpeg.transcode(source, {3: wrong})
    with pytest.raises(ValueError, match="rows of 9"):
        jpeg.transcode(source, {3: STANDARD.scripts[3][:, :8].copy()})
    with pytest.raises(ValueError, match="copy_markers"):
        jpeg.transcode(source, STANDARD.scripts, copy_markers="some")
    with pytest.raises(FormatError, match="scan script"):
        jpeg.transcode(source, {3: STANDARD.scripts[3][1:]})


def test_results_outlive_their_source():
    source = bytearray(jpegs.encode(jpegs.photo()))
    result = jpeg.transcode(source, STANDARD.scripts)
    kept = result.tobytes()
    source[:] = bytes(len(source))
    assert result.flags.owndata is False and result.flags.writeable
    assert result.tobytes() == kept


def test_a_missing_extension_names_the_command():
    program = "import sys; sys.modules['pcr._native'] = None; import pcr.jpeg"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "bash init_repo.sh" in done.stderr.splitlines()[-1]
