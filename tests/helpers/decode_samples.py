"""JPEGs of all kinds for tests of the native decoder, and what decodes them."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from helpers import jpegs
from pcr import _native as native
from pcr.loading.jpeg_batch import image_rows, whole_buffers

FIXTURES = Path(__file__).parents[1] / "data" / "decode"
SAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
EOI = b"\xff\xd9"
ORIENTATION_TAG = 0x0112

encode = partial(jpegs.encode, quality=85)


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A detailed picture of the size that is asked for."""
    image = Image.fromarray(skimage.data.astronaut()[:400, 100:500])
    return image.resize((width, height), Image.Resampling.LANCZOS).convert(mode)


def pillow_rgb(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def scan_ends(jpeg: bytes) -> list[int]:
    """Where each scan's entropy-coded data ends."""
    ends, position = [], 2
    while jpeg[position + 1] != 0xD9:
        marker = jpeg[position + 1]
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if marker == 0xDA:
            while not (
                jpeg[position] == 0xFF and jpeg[position + 1] not in (0, *range(0xD0, 0xD8))
            ):
                position += 1
            ends.append(position)
    return ends


def samples() -> dict[str, bytes]:
    files = {path.stem: path.read_bytes() for path in sorted(FIXTURES.glob("*.jpg"))}
    for progressive in (False, True):
        kind = "progressive" if progressive else "baseline"
        for sampling in SAMPLINGS:
            files[f"{kind} {sampling}"] = encode(
                picture(90, 67), subsampling=sampling, progressive=progressive
            )
        for mode in ("L", "CMYK"):
            files[f"{kind} {mode}"] = encode(picture(45, 52, mode), progressive=progressive)
    files["rgb"] = encode(picture(33, 21), keep_rgb=True)
    files["one pixel"] = encode(picture(1, 1), progressive=True)
    files["high quality"] = encode(picture(50, 40), quality=100, progressive=True)
    files["restart rows"] = encode(picture(90, 67), restart_marker_rows=1, progressive=True)
    files["restart blocks"] = encode(picture(50, 67), restart_marker_blocks=5)
    files["low quality"] = encode(picture(50, 40), quality=3, progressive=True)
    return files


SAMPLES = samples()
each_sample = pytest.mark.parametrize("jpeg", SAMPLES.values(), ids=SAMPLES.keys())


def decode(jpegs: list[bytes], size: tuple[int, int], **options: object) -> np.ndarray:
    """A batch of size (width, height), uint8 unless `dtype` says otherwise.

    boxes, flips, orientations: of each image; others are options of the pool.
    """
    dtype = str(options.setdefault("dtype", "uint8"))
    element = {"uint8": np.uint8, "float32": np.float32}.get(dtype, np.uint16)
    width, height = size
    channels_last = options.get("layout") == "NHWC"
    shape = (height, width, 3) if channels_last else (3, height, width)
    out = np.full((len(jpegs), *shape), 77, element)
    names = {"boxes": "box", "flips": "flip", "orientations": "orientation"}
    planned = {names[name]: options.pop(name) for name in names if name in options}
    images = whole_images(jpegs, **planned) if planned else None
    pool = native.DecodePool(int(options.pop("num_threads", 1)), **options)
    assert pool.begin(jpegs, out, images).wait() == []
    return out


def whole_images(jpegs: list[bytes], **values: object) -> np.ndarray:
    """Images of a batch that are a buffer each."""
    return image_rows(len(jpegs), **{"span": whole_buffers(jpegs), "orientation": 1} | values)


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32)
