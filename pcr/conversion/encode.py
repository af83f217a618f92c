"""From a source file to the levels of one image of a record."""

from __future__ import annotations

import errno
import io
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pcr import jpeg
from pcr.conversion.directory import out_of_memory
from pcr.conversion.options import LOSSLESS, ConversionOptions
from pcr.conversion.rewriting import NotRewrittenError, rewrite_source
from pcr.conversion.sources.image_source import Source
from pcr.dataset.layout import MAX_GROUP_BYTES
from pcr.dataset.messages import ImageInfo
from pcr.errors import FormatError
from pcr.imagefolder import Sample

_OURS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # limits of this process, not damage of a file


@dataclass(frozen=True)
class EncodedImage:
    """One image as a JPEG of the ladder's scans: level k is ``jpeg[offsets[k - 1]:offsets[k]]``.

    ``source_bytes`` is the size of the source file once the conversion is done with it.
    """

    sample: Sample
    header: jpeg.JpegHeader
    jpeg: NDArray[np.uint8]
    level_offsets: NDArray[np.int64]
    source_bytes: int

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
            self.source_bytes,
        )


@dataclass(frozen=True)
class Problem:
    """A source file that is not in the dataset, not without loss, or that was not rewritten."""

    name: str
    action: Literal["skipped", "re-encoded", "not rewritten"]
    reason: str


@dataclass(frozen=True)
class EncodedSource:
    """What came of one source file: an image, a problem, or both."""

    image: EncodedImage | None
    problem: Problem | None


def encode_source(source: Source, sample: Sample, options: ConversionOptions) -> EncodedSource:
    """Encode one source file; a bad one as ``options.on_bad_image`` says.

    Raises FormatError, naming the file, where it is bad and ``on_bad_image`` is "fail".
    """
    where, data = source.where(sample), b""
    try:
        data = source.read(sample, MAX_GROUP_BYTES)
        image = encode_jpeg(_compressed(data, options), sample, options)
    except (OSError, FormatError) as error:
        if isinstance(error, OSError) and error.errno in _OURS:
            raise
        return _bad_source(where, data, sample, options, _reason(error, data))
    except MemoryError:
        raise out_of_memory(where) from None
    path = source.rewritable(sample) if options.convert_images else None
    if path is None:
        return EncodedSource(image, None)
    try:
        size = rewrite_source(path, data, options)
    except NotRewrittenError as error:
        size, problem = len(data), Problem(sample.name, "not rewritten", str(error))
        return EncodedSource(replace(image, source_bytes=size), problem)
    return EncodedSource(replace(image, source_bytes=size), None)


def encode_jpeg(data: bytes, sample: Sample, options: ConversionOptions) -> EncodedImage:
    """Rewrite a JPEG with the ladder's scans; FormatError where that can't be done without loss."""
    ladder = options.ladder
    rewritten = jpeg.rewrite(
        data,
        ladder.scripts,
        copy_markers=options.copy_markers,
        restart_rows=options.restart_rows,
        max_pixels=options.max_pixels,
    )
    header = rewritten.source
    offsets = ladder.level_offsets(header.components, rewritten.borders)
    return EncodedImage(sample, header, rewritten.data, offsets, len(data))


def _compressed(data: bytes, options: ConversionOptions) -> bytes:
    if options.static_compression == LOSSLESS:
        return data
    # Raises where a conversion without loss would: Pillow shows damaged images without a word.
    jpeg.transcode(data, options.ladder.scripts, max_pixels=options.max_pixels)
    return _reencode(data, options.static_compression, options)


def _reason(error: OSError | FormatError, data: bytes) -> str:
    """Why a file can't be taken: a picture of another format is named for what it is."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format not in ("JPEG", "MPO"):
                return f"expected a JPEG, found a {image.format} image"
    except Exception:  # whatever Pillow's plugins raise: no picture
        pass
    return str(error)


def _bad_source(
    where: str, data: bytes, sample: Sample, options: ConversionOptions, reason: str
) -> EncodedSource:
    if options.on_bad_image == "fail":
        raise FormatError(
            f"{where}: {reason}. Convert again, without `force` or `restart`, with "
            "`on_bad_image='skip'` to leave such files out, or `on_bad_image='reencode'` to decode "
            f"them and store them as JPEGs of quality {options.quality}"
        )
    if options.on_bad_image == "reencode" and data:
        try:
            image = encode_jpeg(_reencode(data, options.quality, options), sample, options)
        except FormatError as error:
            reason = f"{reason}; then: {error}"
        else:
            problem = Problem(sample.name, "re-encoded", reason)
            return EncodedSource(replace(image, source_bytes=len(data)), problem)
    return EncodedSource(None, Problem(sample.name, "skipped", reason))


def _reencode(data: bytes, quality: int, options: ConversionOptions) -> bytes:
    """Decode with Pillow and encode as a baseline JPEG; grayscale and CMYK stay as they are."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > options.max_pixels:
                raise FormatError(f"more than {options.max_pixels} pixels")
            kept = {key: image.info[key] for key in ("exif", "icc_profile") if key in image.info}
            mode = image.mode if image.mode in ("L", "CMYK") else "RGB"
            image.convert(mode).save(out, "JPEG", quality=quality, **kept)
    except UnidentifiedImageError:  # its text has an address that changes in each run
        raise FormatError("cannot be decoded: not an image format that Pillow knows") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plugins raise anything
        raise FormatError(f"cannot be decoded: {error}") from None
    return out.getvalue()
