"""JPEG surgery without loss: rewrite a JPEG's scans, split it into them, pack parts of it.

Every function takes any contiguous buffer of bytes (``bytes``, ``memoryview``, NumPy ``uint8`` …)
without copying it, releases the GIL while it works, and raises
:class:`pcr.errors.FormatError` for input that is not what it should be, ``TypeError`` for what is
no buffer of bytes. Segments and markers are those of ITU-T T.81.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.extension import native

if TYPE_CHECKING:
    from pcr import _native

MAX_PIXELS = 178_956_970  # Pillow's limit against decompression bombs
SOI, EOI = b"\xff\xd8", b"\xff\xd9"  # how every JPEG begins and ends (ITU-T T.81, B.1.1.3)

Buffer: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]
CopyMarkers: TypeAlias = Literal["none", "exif", "all"]


@dataclass(frozen=True)
class JpegHeader:
    """What a JPEG says of itself before its first scan.

    ``width`` and ``height`` are pixels as stored, before ``orientation`` (EXIF, 1 … 8; 1 if absent
    or invalid) is applied. ``color_space`` is what decoders take the components for:
    ``grayscale``, ``ycbcr``, ``rgb``, ``cmyk``, ``ycck`` or ``unknown``. ``adobe_transform`` is
    None without an Adobe marker. ``precision`` is in bits per sample.
    """

    width: int
    height: int
    components: int
    orientation: int
    progressive: bool
    arithmetic: bool
    precision: int
    color_space: str
    adobe_transform: int | None


@dataclass(frozen=True)
class RewrittenJpeg:
    """A JPEG with other scans: its bytes (uint8), the borders of its scans, its source's header.

    ``borders`` (int64) are what :func:`split` gives for ``data``.
    """

    data: NDArray[np.uint8]
    borders: NDArray[np.int64]
    source: JpegHeader


def header(data: Buffer) -> JpegHeader:
    """Read a JPEG's header; what follows the first SOS marker is not looked at."""
    return _header(native.header(data))


def _header(found: _native.Header) -> JpegHeader:
    return JpegHeader(
        width=found.width,
        height=found.height,
        components=found.components,
        orientation=found.orientation,
        progressive=found.progressive,
        arithmetic=found.arithmetic,
        precision=found.precision,
        color_space=found.color_space.name,
        adobe_transform=found.adobe_transform if found.adobe_transform >= 0 else None,
    )


def split(data: Buffer) -> NDArray[np.int64]:
    """Return the borders ``b[0] … b[n]`` (int64) of a JPEG's n scans.

    ``b[0]`` is 0: the headers belong to the first scan. ``b[i]`` is where scan i's tables begin,
    the end of scan i - 1's image data. ``b[n]`` is the offset of EOI; what follows it is ignored.
    More than 100 scans are a FormatError.
    """
    return native.split(data)


def rewrite(
    data: Buffer,
    scripts: Mapping[int, NDArray[np.int32]],
    *,
    copy_markers: CopyMarkers = "none",
    max_pixels: int = MAX_PIXELS,
    coder: Literal["native", "libjpeg"] = "native",
    restart_rows: int = 0,
) -> RewrittenJpeg:
    """Rewrite a JPEG with the scans of a script; its quantized coefficients stay as they are.

    ``scripts`` maps a number of components (1, 3, 4) to the scan script for such images: int32 of
    shape (scans, 9), rows of number of components in the scan, their four indices, Ss, Se, Ah, Al.
    A script without rows asks for a sequential JPEG. Huffman tables are optimized.

    ``copy_markers``: ``"none"`` keeps what decoding needs (JFIF, Adobe), ``"exif"`` EXIF too,
    ``"all"`` every application marker and comment. Those that follow the first scan, where decoders
    don't heed them, follow the last one.

    ``coder``: ``"native"`` leaves to libjpeg-turbo what its own entropy coding does not do (arithmetic
    coding, damage); ``"libjpeg"`` leaves it everything: the same bytes, in three to four
    times the time.

    ``restart_rows``: a restart marker follows after each so many MCU rows of the image, at the same
    rows in every scan, so that a decoder can begin there; 0: none. An image without more rows gets
    none; one whose blocks in so many rows are more than 65 535, the limit of T.81 (B.2.4.4), gets
    them after fewer rows.

    Raises FormatError also where libjpeg would only warn, because a damaged JPEG can't be rewritten
    without loss; where scans are missing that decoders would make up for (by block smoothing), or a
    component; and for fractional sampling, which no decoder shows.
    """
    jpeg, borders, source = native.transcode(
        data, dict(scripts), copy_markers, max_pixels, coder, restart_rows
    )
    return RewrittenJpeg(jpeg, borders, _header(source))


def transcode(
    data: Buffer,
    scripts: Mapping[int, NDArray[np.int32]],
    *,
    copy_markers: CopyMarkers = "none",
    max_pixels: int = MAX_PIXELS,
    coder: Literal["native", "libjpeg"] = "native",
    restart_rows: int = 0,
) -> NDArray[np.uint8]:
    """The bytes alone of what :func:`rewrite` makes; the same parameters."""
    return rewrite(
        data,
        scripts,
        copy_markers=copy_markers,
        max_pixels=max_pixels,
        coder=coder,
        restart_rows=restart_rows,
    ).data


def pack(parts: Sequence[Buffer]) -> bytes:
    """Serialize one level's bytes of a record's images as a ``ScanGroup``.

    Such messages one after another are the message of all their images, as protobuf has it:
    https://protobuf.dev/programming-guides/encoding/#last-one-wins.

    Raises FormatError where the message would exceed the limit of a record, 2 GiB.
    """
    return native.pack(parts)
