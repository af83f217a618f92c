"""From a source file to the levels of one image of a record."""

from __future__ import annotations

import io
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pcr import jpeg
from pcr.errors import FormatError
from pcr.format import ImageInfo
from pcr.imagefolder import Sample
from pcr.plan import ConversionOptions, Problem
from pcr.writer import atomic_path


@dataclass(frozen=True)
class EncodedImage:
    """One image as a JPEG of the ladder's scans: level k is ``jpeg[offsets[k - 1]:offsets[k]]``."""

    sample: Sample
    header: jpeg.JpegHeader
    jpeg: NDArray[np.uint8]
    level_offsets: NDArray[np.int64]

    def level(self, level: int) -> NDArray[np.uint8]:
        """The bytes of one level, without a copy."""
        return self.jpeg[self.level_offsets[level - 1] : self.level_offsets[level]]

    def info(self) -> ImageInfo:
        """What the record keeps of the image."""
        return ImageInfo(
            self.sample.name,
            self.header.width,
            self.header.height,
            self.header.components,
            self.header.orientation,
            tuple(np.diff(self.level_offsets).tolist()),
        )


@dataclass(frozen=True)
class EncodedSource:
    """What came of one source file: an image, a problem, or (re-encoded) both."""

    image: EncodedImage | None
    problem: Problem | None


def encode_source(root: Path, sample: Sample, options: ConversionOptions) -> EncodedSource:
    """Encode one source file, doing with a bad one what the options say.

    Raises FormatError, naming the file, where it is bad and bad ones are not put up with.
    """
    path = root / sample.name
    try:
        data = path.read_bytes()
        if options.static_compression is not None:
            data = _reencode(data, options.static_compression)
        image = encode_jpeg(data, sample, options)
    except (FormatError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if options.on_bad_image == "fail":
            raise FormatError(f"{path}: {reason}") from None
        if options.on_bad_image == "reencode" and isinstance(error, FormatError):
            return _encode_again(data, sample, options, reason)
        return EncodedSource(None, Problem(sample.name, "skipped", reason))
    if options.convert_images:
        _rewrite(path, data, options)
    return EncodedSource(image, None)


def encode_jpeg(data: bytes, sample: Sample, options: ConversionOptions) -> EncodedImage:
    """Rewrite a JPEG's scans to the ladder; FormatError where that can't be done without loss."""
    ladder = options.ladder
    header = jpeg.header(data)
    rewritten = jpeg.transcode(
        data, ladder.scripts, copy_markers=options.copy_markers, max_pixels=options.max_pixels
    )
    offsets = ladder.level_offsets(header.components, jpeg.split(rewritten))
    return EncodedImage(sample, header, rewritten, offsets)


def _encode_again(
    data: bytes, sample: Sample, options: ConversionOptions, reason: str
) -> EncodedSource:
    try:
        image = encode_jpeg(_reencode(data, options.quality), sample, options)
    except FormatError as error:
        return EncodedSource(None, Problem(sample.name, "skipped", f"{reason}; then: {error}"))
    return EncodedSource(image, Problem(sample.name, "re-encoded", reason))


def _reencode(data: bytes, quality: int) -> bytes:
    """Decode with Pillow and write as a baseline JPEG; grayscale and CMYK stay what they are."""
    out = io.BytesIO()
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            kept = {"exif": image.info["exif"]} if "exif" in image.info else {}
            mode = image.mode if image.mode in ("L", "CMYK") else "RGB"
            image.convert(mode).save(out, "JPEG", quality=quality, **kept)
    except Exception as error:  # Pillow's plugins raise whatever they meet
        raise FormatError(f"cannot be decoded: {error}") from None
    return out.getvalue()


def _rewrite(path: Path, data: bytes, options: ConversionOptions) -> None:
    """Replace a source by its progressive form, with all its markers, mode and times."""
    target = Path(os.path.realpath(path))
    rewritten = jpeg.transcode(
        data, options.ladder.scripts, copy_markers="all", max_pixels=options.max_pixels
    )
    with atomic_path(target) as temporary:
        temporary.write_bytes(rewritten)
        shutil.copystat(target, temporary)


Encoder = Callable[[Sample], EncodedSource]
