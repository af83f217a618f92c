"""Restart markers of rewritten JPEGs: where they stand, and that every decoder reads every level."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from shutil import which

import numpy as np
import pytest
import torch
import torchvision
from helpers import jpegs, reference
from helpers.decode_samples import pillow_rgb
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr import _native as native
from pcr import jpeg
from pcr.errors import FormatError
from pcr.ladder import Ladder

LADDERS = {name: Ladder.load(name) for name in ("standard", "bitplane", "baseline")}
KINDS = ("baseline", "4:4:4", "4:2:2", "4:4:0", "gray", "cmyk", "ycck", "odd size", "one pixel")
EOI = b"\xff\xd9"

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding")  # torchvision's

every_kind = pytest.mark.parametrize("kind", KINDS)
every_count = pytest.mark.parametrize("restart_rows", [1, 2, 4])


@dataclass(frozen=True)
class Scan:
    """A scan's restart interval, and the markers found in its image data, 0 … 7."""

    interval: int
    components: bytes  # their identifiers
    markers: list[int]


def scans(data: bytes) -> Iterator[Scan]:
    """The scans of a JPEG, read as T.81, B.2 describes them."""
    position, interval = 2, 0
    while data[position + 1] != 0xD9:
        marker, size = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        payload = data[position + 4 : position + 2 + size]
        position += 2 + size
        if marker == 0xDD:
            interval = int.from_bytes(payload, "big")
        if marker == 0xDA:
            begin, position = position, reference._image_data_end(data, position)
            body = data[begin:position]
            codes = [body[i + 1] for i in range(len(body) - 1) if body[i] == 0xFF]
            yield Scan(interval, payload[1::2][: payload[0]], [c - 0xD0 for c in codes if c])


def expected_scan(data: bytes, components: bytes, restart_rows: int) -> tuple[int, int]:
    """The restart interval of a scan of those components, and how many markers it has."""
    start, end = jpegs.find(data, 0xC0, 0xC2)
    frame = data[start + 4 : end]
    height, width = (int.from_bytes(frame[i : i + 2], "big") for i in (1, 3))
    factors = {frame[i]: divmod(frame[i + 1], 16) for i in range(6, len(frame), 3)}
    max_h, max_v = (max(factor[i] for factor in factors.values()) for i in (0, 1))
    mcu_rows = -(-height // (8 * max_v))
    if mcu_rows <= restart_rows:
        return 0, 0
    if len(components) > 1:
        return restart_rows * -(-width // (8 * max_h)), (mcu_rows - 1) // restart_rows
    h, v = factors[components[0]]
    rows, columns = -(-height * v // (8 * max_v)), -(-width * h // (8 * max_h))
    return restart_rows * v * columns, (rows - 1) // (restart_rows * v)


@every_kind
@every_count
@pytest.mark.parametrize("ladder", LADDERS)
def test_every_scan_restarts_at_the_same_rows(kind, restart_rows, ladder):
    data = rewrite(jpegs.GOOD[kind](), ladder, restart_rows)
    for scan in scans(data):
        interval, count = expected_scan(data, scan.components, restart_rows)
        assert (scan.interval, scan.markers) == (interval, [i % 8 for i in range(count)])


def rewrite(source: bytes, ladder: str, restart_rows: int, coder: str = "native") -> bytes:
    scripts = LADDERS[ladder].scripts
    return jpeg.transcode(source, scripts, restart_rows=restart_rows, coder=coder).tobytes()


@every_kind
@every_count
def test_every_decoder_shows_every_level_as_without_markers(kind, restart_rows):
    source = jpegs.GOOD[kind]()
    plain, marked = rewrite(source, "standard", 0), rewrite(source, "standard", restart_rows)
    borders = jpeg.split(marked)
    assert borders.tolist() == reference.split(marked)
    for end, other in zip(borders[1:], jpeg.split(plain)[1:], strict=True):
        prefix, expected = marked[:end] + EOI, plain[:other] + EOI
        np.testing.assert_array_equal(jpegs.decode(prefix), jpegs.decode(expected))
        unsmoothed = native.decode_rgb(expected, "libjpeg")
        np.testing.assert_array_equal(native.decode_rgb(prefix), unsmoothed)
        np.testing.assert_array_equal(native.decode_rgb(prefix, "libjpeg"), unsmoothed)
        if kind not in ("cmyk", "ycck"):  # torchvision takes them otherwise than Pillow
            assert torch.equal(shown_by_torchvision(prefix), shown_by_torchvision(expected))


def shown_by_torchvision(data: bytes) -> torch.Tensor:
    encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    return torchvision.io.decode_jpeg(encoded, torchvision.io.ImageReadMode.RGB)


@pytest.mark.skipif(which("djpeg") is None, reason="djpeg is not installed")
@every_kind
def test_libjpegs_own_decoder_warns_of_nothing(kind):
    for ladder in LADDERS:
        data = rewrite(jpegs.GOOD[kind](), ladder, 1)
        done = subprocess.run(["djpeg", "-verbose"], input=data, capture_output=True, check=True)
        assert b"orrupt" not in done.stderr and b"premature" not in done.stderr


@pytest.mark.skipif(which("jpegtran") is None, reason="jpegtran is not installed")
@pytest.mark.parametrize("kind", ["4:4:4", "gray"])
@every_count
def test_of_images_without_subsampling_it_is_what_jpegtran_writes(kind, restart_rows):
    """Else jpegtran counts a component's own rows, so that its scans restart at other places."""
    source = jpegs.GOOD[kind]()
    command = ["jpegtran", "-copy", "none", "-optimize", "-progressive", "-restart"]
    command.append(str(restart_rows))
    expected = subprocess.run(command, input=source, capture_output=True, check=True).stdout
    assert rewrite(source, "standard", restart_rows) == expected


def test_an_image_without_more_rows_has_no_markers(good_jpeg):
    plain = rewrite(good_jpeg, "standard", 0)
    rows = -(-jpeg.header(good_jpeg).height // 8)
    assert rewrite(good_jpeg, "standard", rows) == plain
    assert rewrite(good_jpeg, "standard", 65535) == plain


@pytest.mark.parametrize("coder", ["native", "libjpeg"])
def test_an_interval_beyond_65535_blocks_becomes_fewer_rows(coder):
    source = jpegs.encode(jpegs.photo(65500, 100), quality=30)  # 16 376 blocks of luma in a row
    expected = rewrite(source, "standard", 4, coder)
    assert rewrite(source, "standard", 6, coder) == expected
    assert rewrite(source, "standard", 3, coder) != expected
    assert max(scan.interval for scan in scans(expected)) == 4 * 16_376


@settings(max_examples=40)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    ladder=st.sampled_from(list(LADDERS)),
    restart_rows=st.integers(1, 6),
    options=st.fixed_dictionaries(
        {
            "quality": st.integers(1, 100),
            "subsampling": st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
            "progressive": st.booleans(),
            "restart_marker_blocks": st.integers(0, 5),
        }
    ),
)
def test_of_any_image(size, mode, ladder, restart_rows, options):
    source = jpegs.encode(jpegs.photo(*size, mode), **options)
    marked = rewrite(source, ladder, restart_rows)
    assert marked == rewrite(source, ladder, restart_rows, "libjpeg")
    assert rewrite(marked, ladder, restart_rows) == marked
    assert rewrite(marked, ladder, 0) == rewrite(source, ladder, 0)
    np.testing.assert_array_equal(native.decode_rgb(marked), pillow_rgb(source))


def test_every_truncation_is_refused():
    marked = rewrite(jpegs.encode(jpegs.photo(24, 40)), "standard", 1)
    for size in range(len(marked)):
        with pytest.raises(FormatError):
            rewrite(marked[:size], "standard", 1)


def test_damaged_bytes_are_refused_or_decode_as_before():
    marked = rewrite(jpegs.encode(jpegs.photo(32, 40)), "standard", 1)
    generator = np.random.default_rng(3)
    refused = 0
    for _ in range(300):
        damaged = bytearray(marked)
        damaged[generator.integers(len(marked))] = generator.integers(256)
        try:
            result = rewrite(damaged, "standard", 2)
        except FormatError:
            refused += 1
        else:
            np.testing.assert_array_equal(jpegs.decode(result), jpegs.decode(damaged))
    assert 0 < refused < 300


def test_numbers_out_of_range_are_named():
    for wrong in (-1, 65536):
        with pytest.raises(ValueError, match=f"restart_rows must be 0 to 65535, found {wrong}"):
            rewrite(jpegs.encode(jpegs.photo()), "standard", wrong)
