"""A dataset, or a level of it, back into an ImageFolder with the original names."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from pcr.atomic import atomic_path
from pcr.dataset.layout import check_name
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.progress import progress_bar

_JPEG_EXTENSIONS = (".jpg", ".jpeg")


@dataclass(frozen=True)
class ExportSummary:
    """How many images were written, and how many of them with ``.jpg`` added to their names."""

    images: int
    renamed: int


def export(
    root: str | os.PathLike[str],
    out: str | os.PathLike[str],
    n_scans: int | None = None,
    *,
    apply_orientation: bool = False,
    quality: int = 95,
    force: bool = False,
    progress: bool = True,
) -> ExportSummary:
    """Write every image of a dataset as a JPEG file, in an ImageFolder with the original names.

    root: directory of the dataset.
    out: folder to write to, new or empty.
    n_scans: the level to write, 1 to the dataset's levels; default: all levels. The bytes are those
        of the record.
    apply_orientation: turn images upright that have another EXIF orientation than 1; only these are
        decoded and encoded again. Default False.
    quality: JPEG quality of the images that are turned, 1 to 100; default 95.
    force: write into a folder that is not empty, replacing files of the same names. Default False.
    progress: show a progress bar on stderr; default True.

    An image with another format's name, such as ``.png``, gets ``.jpg`` after it. An image that the
    dataset holds several times is written once. All names are checked before the first file is
    written. Raises UsageError for a wrong argument, DatasetError where ``out`` is not empty or a
    name leads out of it, FormatError where a record is damaged.
    """
    dataset, out = Dataset(root), Path(out)
    level = dataset.check_level(n_scans)
    if not 1 <= quality <= 100:
        raise UsageError(f"expected 1 to 100, found {quality}", "quality")
    _check_empty(out, force)
    _check_names(dataset)
    turn = partial(_upright, quality=quality) if apply_orientation else None
    images = progress_bar(
        _export(dataset, out, level, turn),
        desc="Exporting",
        total=len(dataset),
        unit=" images",
        disable=not progress,
    )
    written = renamed = 0
    for image_renamed in images:
        written += 1
        renamed += image_renamed
    return ExportSummary(written, renamed)


def _export(dataset: Dataset, out: Path, level: int, turn: _Turn | None) -> Iterator[bool]:
    """Write image by image; whether each got another name."""
    out.mkdir(parents=True, exist_ok=True)
    written: set[str] = set()
    for record in dataset.records:
        infos = record.info().images
        images = record.read(level)
        for number, info in enumerate(infos):
            if info.name in written:
                continue
            written.add(info.name)
            data = images[number]
            if turn is not None and info.orientation > 1:
                data = turn(data, info)
            yield _write(out, info.name, data)
    os.sync()  # all files at once: an fsync for each would take hours with millions


def _check_empty(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{out}: expected an output directory, found a file")
    if not force and out.is_dir() and any(out.iterdir()):
        raise DatasetError(f"{out}: expected an empty directory: `force` replaces files in it")


def _check_names(dataset: Dataset) -> None:
    for record in dataset.records:
        for info in record.info().images:
            try:
                check_name(info.name)
            except FormatError as error:
                raise FormatError(f"{record.path}: {error}") from None


def _write(out: Path, name: str, data: NDArray[np.uint8]) -> bool:
    renamed = not name.lower().endswith(_JPEG_EXTENSIONS)
    path = out / (f"{name}.jpg" if renamed else name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"{path.parent}: expected a folder inside {out}, found a link out of it")
    with atomic_path(path, durable=False) as temporary, temporary.open("xb") as file:
        shutil.copyfileobj(io.BytesIO(data.data), file)
    return renamed


_Turn = Callable[[NDArray[np.uint8], ImageInfo], NDArray[np.uint8]]


def _upright(data: NDArray[np.uint8], info: ImageInfo, quality: int) -> NDArray[np.uint8]:
    turned = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data.data)) as image:
            kept = {"icc_profile": image.info.get("icc_profile")}
            image.getexif()[ExifTags.Base.Orientation] = info.orientation
            ImageOps.exif_transpose(image).save(turned, "JPEG", quality=quality, **kept)
    except (OSError, Image.DecompressionBombError) as error:
        raise FormatError(f"image {info.name!r}: {error}") from None
    return np.frombuffer(turned.getbuffer(), dtype=np.uint8)
