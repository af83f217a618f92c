"""Makers of small test JPEGs, offline, from the images that scikit-image ships."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from helpers.reference import split
from pcr import jpeg as pcr_jpeg

DATA = Path(__file__).parents[1] / "data"


def transcode(jpeg: bytes, scripts: dict[int, NDArray[np.int32]]) -> bytes:
    """The JPEG with other scans."""
    return pcr_jpeg.transcode(jpeg, scripts).tobytes()


@cache
def photo(width: int = 96, height: int = 80, mode: str = "RGB") -> Image.Image:
    """A real photograph at that size."""
    return Image.fromarray(data.chelsea()).resize((width, height)).convert(mode)


def encode(image: Image.Image, **options: object) -> bytes:
    """The image as JPEG; ``options`` are those of Pillow."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def decode(jpeg: bytes | bytearray | memoryview | np.ndarray) -> np.ndarray:
    """The pixels that Pillow shows."""
    with Image.open(io.BytesIO(bytes(jpeg))) as image:
        return np.asarray(image)


def segments(jpeg: bytes) -> list[tuple[int, int, int]]:
    """Marker, offset and end of each segment before the first scan's image data."""
    found, position, marker = [], 2, 0
    while marker != 0xDA:
        marker = jpeg[position + 1]
        end = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        found.append((marker, position, end))
        position = end
    return found


def find(jpeg: bytes, *markers: int) -> tuple[int, int]:
    """Offset and end of the first segment with one of these markers."""
    return next((start, end) for marker, start, end in segments(jpeg) if marker in markers)


def patch(jpeg: bytes, offset: int, replacement: bytes) -> bytes:
    return jpeg[:offset] + replacement + jpeg[offset + len(replacement) :]


def without_segment(jpeg: bytes, marker: int) -> bytes:
    start, end = find(jpeg, marker)
    return jpeg[:start] + jpeg[end:]


def segment(marker: int, payload: bytes) -> bytes:
    """A marker segment (ITU-T T.81, B.1.1.4)."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    """The JPEG with one more segment right after its first."""
    _, end = find(jpeg, *range(0xC0, 0xFF))
    return jpeg[:end] + segment(marker, payload) + jpeg[end:]


def patch_frame(jpeg: bytes, offset: int, replacement: bytes) -> bytes:
    """Change the SOF payload: 0 precision, 1 height, 3 width, 5 components, 6 … their factors."""
    return patch(jpeg, find(jpeg, 0xC0, 0xC2)[0] + 4 + offset, replacement)


def exif(orientation: int, order: str = "<", number: str = "H") -> bytes:
    """A minimal EXIF block with that orientation, a SHORT ("H") or a LONG ("I")."""
    tiff = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    kind = {"H": 3, "I": 4}[number]
    value = struct.pack(order + number, orientation).ljust(4, b"\0")
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + value
    return b"Exif\0\0" + tiff + struct.pack(order + "H", 1) + entry + bytes(4)


def _fill_bytes(jpeg: bytes) -> bytes:
    """More 0xFF before SOS and EOI, which T.81 B.1.1.2 allows."""
    start, _ = find(jpeg, 0xDA)
    return jpeg[:start] + b"\xff\xff" + jpeg[start:-2] + b"\xff" + jpeg[-2:]


def _cmyk() -> bytes:
    return encode(photo(mode="CMYK"), quality=80)


def _ycck() -> bytes:
    """Pillow writes CMYK only: call its components YCCK, the decoder then converts them."""
    jpeg = _cmyk()
    return patch(jpeg, find(jpeg, 0xEE)[1] - 1, b"\x02")


def late(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    """The JPEG with a segment after its last scan, where decoders don't heed it."""
    return jpeg[:-2] + segment(marker, payload) + jpeg[-2:]


JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
ADOBE = b"Adobe\0\x64\0\0\0\0\2"  # of YCCK


def scans(*rows: tuple[int, ...]) -> NDArray[np.int32]:
    """A scan script: component, first and last coefficient, high and low bit of each scan."""
    return np.array([[1, c, 0, 0, 0, *rest] for c, *rest in rows], np.int32)


def _without_high_frequencies() -> bytes:
    """No scan has the coefficients beyond 9."""
    return transcode(encode(photo(mode="L")), {1: scans((0, 0, 0, 0, 0), (0, 1, 9, 0, 0))})


GOOD: dict[str, Callable[[], bytes]] = {
    "baseline": lambda: encode(photo(), quality=85),
    "progressive": lambda: encode(photo(), quality=85, progressive=True),
    "4:4:4": lambda: encode(photo(), subsampling="4:4:4"),
    "4:2:2": lambda: encode(photo(), subsampling="4:2:2"),
    "4:1:1": lambda: (DATA / "subsampling_411.jpg").read_bytes(),
    "4:4:0": lambda: (DATA / "subsampling_440.jpg").read_bytes(),
    "gray": lambda: encode(photo(mode="L"), quality=85),
    "gray progressive": lambda: encode(photo(mode="L"), progressive=True),
    "cmyk": _cmyk,
    "cmyk without Adobe marker": lambda: without_segment(_cmyk(), 0xEE),
    "ycck": _ycck,
    "rgb": lambda: encode(photo(), keep_rgb=True),
    "no JFIF marker": lambda: without_segment(encode(photo()), 0xE0),
    "odd size": lambda: encode(photo(97, 61), quality=60),
    "one pixel": lambda: encode(photo(1, 1)),
    "one pixel gray": lambda: encode(photo(1, 1, "L")),
    "one column": lambda: encode(photo(1, 300)),
    "65500 wide": lambda: encode(photo(65500, 1), quality=30),
    "restart intervals": lambda: encode(photo(), restart_marker_blocks=2),
    "restart intervals progressive": lambda: encode(
        photo(), restart_marker_rows=1, progressive=True
    ),
    "exif": lambda: encode(photo(), exif=exif(6)),
    "rgb, late JFIF": lambda: late(encode(photo(), keep_rgb=True), 0xE0, JFIF),
    "rgb without Adobe marker, late JFIF": lambda: late(
        without_segment(encode(photo(), keep_rgb=True), 0xEE), 0xE0, JFIF
    ),
    "cmyk without Adobe marker, late Adobe": lambda: late(
        without_segment(_cmyk(), 0xEE), 0xEE, ADOBE
    ),
    "late EXIF": lambda: late(encode(photo()), 0xE1, exif(6)),
    "high frequencies never sent": _without_high_frequencies,
    "icc": lambda: encode(photo(), icc_profile=bytes(range(256)) * 300),
    "comment": lambda: encode(photo(), comment=b"hello"),
    "density": lambda: encode(photo(), dpi=(300, 150)),
    "arithmetic": lambda: (DATA / "arithmetic.jpg").read_bytes(),
    "arithmetic progressive": lambda: (DATA / "arithmetic_progressive.jpg").read_bytes(),
    "trailing garbage": lambda: encode(photo()) + b"\0garbage\xff\xd9",
    "concatenated": lambda: encode(photo()) + encode(photo(mode="L")),
    "fill bytes": lambda: _fill_bytes(encode(photo())),
}
"""JPEGs that can be transcoded."""


def tall(width: int, height: int, mode: str = "RGB") -> bytes:
    """A JPEG as tall as JPEGs can be, which no encoder at hand writes: eight rows of MCUs, repeated."""
    mcu_rows = -(-height // (8 if mode == "L" else 16))
    eight = encode(photo(width, 8 * (8 if mode == "L" else 16), mode), restart_marker_rows=1)
    _, begin = find(eight, 0xDA)
    rows = re.split(b"\xff[\xd0-\xd7]", eight[begin:-2])
    data = b"".join(
        rows[row % 8] + (bytes([0xFF, 0xD0 + row % 8]) if row + 1 < mcu_rows else b"")
        for row in range(mcu_rows)
    )
    return patch_frame(eight[:begin], 1, struct.pack(">H", height)) + data + eight[-2:]


def _hierarchical(jpeg: bytes) -> bytes:
    return with_segment(jpeg, 0xDE, bytes(15))


def _scan_bomb() -> bytes:
    """The last refinement scan, 100 times more."""
    jpeg = encode(photo(), progressive=True)
    last_scan = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last_scan:-2] * 100 + jpeg[-2:]


def _unknown_jfif() -> bytes:
    """A JFIF segment of version 65.1, followed by one that every decoder knows."""
    jpeg = encode(photo())
    start, end = find(jpeg, 0xE0)
    unknown = patch(jpeg[start:end], 9, b"\x41")
    return jpeg[:start] + unknown + jpeg[start:]


def first_scans(jpeg: bytes, count: int) -> bytes:
    """The JPEG with its first scans only, and EOI."""
    return jpeg[: split(jpeg)[count]] + jpeg[-2:]


def _without_low_frequency() -> bytes:
    """No scan has coefficient 9 or any beyond."""
    return transcode(encode(photo(mode="L")), {1: scans((0, 0, 0, 0, 0), (0, 1, 8, 0, 0))})


def _fractional() -> bytes:
    """Three components of one block each, which say that they are 2, 3 and 1 samples wide of 3."""
    script = scans(*[(c, *band, 0, 0) for band in ((0, 0), (1, 63)) for c in range(3)])
    jpeg = transcode(encode(photo(8, 8), subsampling="4:4:4"), {3: script})
    for component, width in enumerate((2, 3, 1)):
        jpeg = patch_frame(jpeg, 7 + 3 * component, bytes([width << 4 | 1]))
    return jpeg


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a JPEG: the file is empty"),
    "text": (lambda: b"hello, world", "not a JPEG"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), "not a JPEG"),
    "soi alone": (lambda: b"\xff\xd8", "the file ends where a marker is expected"),
    "no EOI": (lambda: encode(photo())[:-2], "without EOI"),
    "no scan": (lambda: b"\xff\xd8\xff\xd9", "EOI before the first scan"),
    "garbage between segments": (
        lambda: patch(encode(photo()), find(encode(photo()), 0xDB)[0], b"xx"),
        "expected a marker, found 0x78",
    ),
    "scan bomb": (_scan_bomb, "more than 100 scans"),
    "height by DNL": (
        lambda: patch_frame(encode(photo()), 1, b"\0\0"),
        "frame of 96 x 0 pixels",
    ),
    "DNL": (lambda: encode(photo())[:-2] + b"\xff\xdc\0\x04\0\x50\xff\xd9", "DNL"),
    "12 bit": (lambda: patch_frame(encode(photo()), 0, b"\x0c"), "12 bits per sample: expected 8"),
    "lossless": (
        lambda: patch(encode(photo()), find(encode(photo()), 0xC0)[0] + 1, b"\xc3"),
        "unsupported JPEG process SOF3",
    ),
    "hierarchical": (lambda: _hierarchical(encode(photo())), "unexpected marker 0xFF 0xDE"),
    "65535 wide, cut short": (
        lambda: patch_frame(encode(photo(mode="L")), 3, b"\xff\xff"),
        "65535 x 80 pixels is damaged",
    ),
    "unknown JFIF version": (_unknown_jfif, "unknown JFIF revision number 65.01"),
    "two frames": (
        lambda: with_segment(encode(photo()), 0xC0, bytes([8, 0, 80, 0, 96, 1, 1, 0x11, 0])),
        "second frame header",
    ),
    "interleaving beyond the standard": (
        lambda: (DATA / "noninterleaved_4x4.jpg").read_bytes(),
        "Sampling factors too large",
    ),
    "last scan missing": (
        lambda: first_scans(encode(photo(), progressive=True), 9),
        "scans are missing: component 1 lacks 1 bit of coefficients 1 to 63",
    ),
    "only the first scan": (
        lambda: first_scans(encode(photo(), progressive=True), 1),
        "scans are missing: component 1 lacks 1 bit of coefficient 0",
    ),
    "component missing": (
        lambda: first_scans((DATA / "decode/sequential_three_scans.jpg").read_bytes(), 2),
        "scans are missing: component 3 was never sent",
    ),
    "low frequency never sent": (
        _without_low_frequency,
        "scans are missing: component 1 lacks all bits of coefficients 9 to 63",
    ),
    "fractional sampling": (
        _fractional,
        "fractional sampling: expected factors that divide 3 x 1, found 2 x 1",
    ),
    "damaged image data": (
        lambda: patch(encode(photo()), len(encode(photo())) // 2, b"\0" * 200),
        "Corrupt JPEG data",
    ),
    "restart marker missing": (
        lambda: encode(photo(), restart_marker_blocks=2).replace(b"\xff\xd3", b"\x12\x34"),
        "Corrupt JPEG data",
    ),
}
"""What can't be transcoded, and what the message says."""
