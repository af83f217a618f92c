"""Split and join in plain Python: slow, short, and what the native versions are tested against."""

from __future__ import annotations

from collections.abc import Sequence

from pcr.errors import FormatError
from pcr.ladder import MAX_SCANS

EOI = b"\xff\xd9"
_SOS, _EOI, _TEM = 0xDA, 0xD9, 0x01
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # of DCT coefficients, not lossless or hierarchical
_WITH_PAYLOAD = _FRAMES | {0xC4, 0xCC, _SOS, 0xDB, 0xDD, 0xFE} | set(range(0xE0, 0xF0))
_INSIDE_IMAGE_DATA = {0x00, *range(0xD0, 0xD8)}  # a stuffed byte, RST0 … RST7


def split(data: bytes) -> list[int]:
    """Return the borders of a JPEG's scans, as :func:`pcr.jpeg.split` defines them."""
    if data[:2] != b"\xff\xd8":
        raise FormatError("not a JPEG: expected SOI at byte 0")
    borders: list[int] = []
    position, border, frames = 2, 0, 0
    while True:
        offset = _marker_offset(data, position)
        marker = data[offset + 1]
        position = offset + 2
        if marker in _WITH_PAYLOAD:
            position = _payload_end(data, position)
        elif marker not in (_EOI, _TEM):
            raise FormatError(f"byte {offset}: unexpected marker 0x{marker:02X}")
        if marker in _FRAMES:
            frames += 1
            _check_frame(data[offset + 4 : position], offset)
        if frames > 1 or (marker == _SOS and (frames == 0 or len(borders) == MAX_SCANS)):
            raise FormatError(f"byte {offset}: unexpected marker 0x{marker:02X}")
        if marker == _SOS:
            borders.append(border)
            border = position = _image_data_end(data, position)
        elif marker == _EOI:
            if not borders:
                raise FormatError(f"byte {offset}: EOI before the first scan")
            return [*borders, offset]


def _marker_offset(data: bytes, position: int) -> int:
    """Offset of the marker at ``position``, past the fill bytes that may precede it."""
    code = position
    while code < len(data) and data[code] == 0xFF:
        code += 1
    if code == position or code >= len(data) or data[code] == 0:
        raise FormatError(f"byte {code}: expected a marker")
    return code - 1


def _payload_end(data: bytes, position: int) -> int:
    length = int.from_bytes(data[position : position + 2], "big")
    if position + 2 > len(data) or length < 2 or position + length > len(data):
        raise FormatError(f"byte {position}: segment of {length} bytes")
    return position + length


def _check_frame(payload: bytes, offset: int) -> None:
    if len(payload) < 6 or len(payload) != 6 + 3 * payload[5]:
        raise FormatError(f"byte {offset}: frame header has a wrong length")
    if 0 in (payload[5], *(int.from_bytes(payload[i : i + 2], "big") for i in (1, 3))):
        raise FormatError(f"byte {offset}: frame without pixels or components")


def _image_data_end(data: bytes, position: int) -> int:
    """Offset of the marker that ends the entropy-coded data which begins at ``position``."""
    while (position := data.find(0xFF, position)) >= 0:
        code = position
        while code < len(data) and data[code] == 0xFF:
            code += 1
        if code == len(data):
            break
        if data[code] not in _INSIDE_IMAGE_DATA:
            return code - 1
        position = code + 1
    raise FormatError(f"byte {len(data)}: no EOI")


def join(groups: Sequence[Sequence[bytes]]) -> tuple[bytes, list[int]]:
    """Join each image's parts of levels 1 … n; ``groups[k][i]``: image i's bytes of level k + 1."""
    if not groups:
        raise FormatError("expected at least one scan group")
    if any(len(group) != len(groups[0]) for group in groups):
        raise FormatError("scan groups differ in their number of images")
    buffer, offsets = bytearray(), [0]
    for parts in zip(*groups, strict=True):
        buffer += b"".join(parts) + EOI
        offsets.append(len(buffer))
    return bytes(buffer), offsets
