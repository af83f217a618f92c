"""From a source file to the levels of one image of a record."""

from __future__ import annotations

import io
import os
import shutil
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pcr import jpeg
from pcr.atomic import atomic_path
from pcr.conversion.options import ConversionOptions
from pcr.dataset.layout import MAX_GROUP_BYTES
from pcr.dataset.messages import ImageInfo
from pcr.errors import FormatError
from pcr.imagefolder import Sample

# Links may lead two workers to one source: they rewrite it one after the other.
_REWRITING = [threading.Lock() for _ in range(64)]


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
class Problem:
    """An image that did not go into the dataset as it was."""

    name: str
    action: Literal["skipped", "re-encoded"]
    reason: str


@dataclass(frozen=True)
class EncodedSource:
    """What came of one source file: an image, a problem, or (re-encoded) both."""

    image: EncodedImage | None
    problem: Problem | None


def encode_source(root: Path, sample: Sample, options: ConversionOptions) -> EncodedSource:
    """Encode one source file, doing with a bad one what the options say.

    Raises FormatError, naming the file, where it is bad and bad ones are not put up with.
    """
    path, data = root / sample.name, b""
    try:
        data = _read(path)
        if options.static_compression is not None:
            jpeg.split(data)  # refuses what is no JPEG, as a conversion without loss does
            data = _reencode(data, options.static_compression, options)
        image = encode_jpeg(data, sample, options)
    except OSError as error:
        return _put_up_with(path, sample, options, error.strerror or str(error))
    except FormatError as error:
        if options.on_bad_image == "reencode" and data:
            return _encode_again(data, sample, options, str(error))
        return _put_up_with(path, sample, options, str(error))
    if options.convert_images:
        _rewrite(path, data, options)
    return EncodedSource(image, None)


def encode_jpeg(data: bytes, sample: Sample, options: ConversionOptions) -> EncodedImage:
    """Rewrite a JPEG's scans to the ladder; FormatError where that can't be done without loss."""
    ladder = options.ladder
    rewritten = jpeg.rewrite(
        data, ladder.scripts, copy_markers=options.copy_markers, max_pixels=options.max_pixels
    )
    header = rewritten.source
    offsets = ladder.level_offsets(header.components, rewritten.borders)
    return EncodedImage(sample, header, rewritten.data, offsets)


def _read(path: Path) -> bytes:
    """A source's bytes; what is no regular file could block, or never end."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise FormatError("no JPEG: expected a regular file, found a pipe, device or directory")
    if found.st_size > MAX_GROUP_BYTES:
        raise FormatError(f"expected at most {MAX_GROUP_BYTES} bytes, found {found.st_size}")
    return path.read_bytes()


def _put_up_with(
    path: Path, sample: Sample, options: ConversionOptions, reason: str
) -> EncodedSource:
    if options.on_bad_image == "fail":
        raise FormatError(
            f"{path}: {reason} (to go on without this image or with what can be seen of it, give "
            "the same command, without --force, with --on_bad_image skip or reencode)"
        )
    return EncodedSource(None, Problem(sample.name, "skipped", reason))


def _encode_again(
    data: bytes, sample: Sample, options: ConversionOptions, reason: str
) -> EncodedSource:
    try:
        image = encode_jpeg(_reencode(data, options.quality, options), sample, options)
    except FormatError as error:
        return EncodedSource(None, Problem(sample.name, "skipped", f"{reason}; then: {error}"))
    return EncodedSource(image, Problem(sample.name, "re-encoded", reason))


def _reencode(data: bytes, quality: int, options: ConversionOptions) -> bytes:
    """Decode with Pillow and write as a baseline JPEG; grayscale and CMYK stay what they are."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > options.max_pixels:
                raise FormatError(f"more than {options.max_pixels} pixels")
            kept = {key: image.info[key] for key in ("exif", "icc_profile") if key in image.info}
            mode = image.mode if image.mode in ("L", "CMYK") else "RGB"
            image.convert(mode).save(out, "JPEG", quality=quality, **kept)
    except UnidentifiedImageError:  # whose text has an address, another one in each run
        raise FormatError("cannot be decoded: no image format that Pillow knows") from None
    except Exception as error:  # Pillow's plugins raise whatever they meet
        raise FormatError(f"cannot be decoded: {error}") from None
    return out.getvalue()


def _rewrite(path: Path, data: bytes, options: ConversionOptions) -> None:
    """Replace a source by its progressive form, with all its markers, mode and times.

    What follows the image in the file (more images, a maker's data) stays behind it.
    """
    target = Path(os.path.realpath(path))
    rewritten = jpeg.transcode(
        data, options.ladder.scripts, copy_markers="all", max_pixels=options.max_pixels
    )
    tail = data[int(jpeg.split(data)[-1]) + len(jpeg.EOI) :]
    lock = _REWRITING[hash(target) % len(_REWRITING)]
    with lock, atomic_path(target) as temporary:
        with temporary.open("wb") as file:
            file.write(rewritten.data)
            file.write(tail)
        shutil.copystat(target, temporary)
