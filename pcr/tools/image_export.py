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
from pcr.errors import DatasetError, FormatError

_JPEG_EXTENSIONS = (".jpg", ".jpeg")


@dataclass(frozen=True)
class ExportedImage:
    """One image that was written: where, and whether under another name than its own."""

    path: Path
    renamed: bool


def export(
    dataset: Dataset,
    out: Path,
    n_scans: int | None = None,
    *,
    apply_orientation: bool = False,
    quality: int = 95,
    force: bool = False,
) -> Iterator[ExportedImage]:
    """Write every image at level ``n_scans`` (all for None) as a JPEG file below ``out``.

    The bytes are those of the record, without loss; only with ``apply_orientation`` an image whose
    EXIF orientation is not 1 is decoded, turned upright and encoded at ``quality``. An image that a
    conversion re-encoded under another format's name gets ``.jpg`` behind it. An image that the dataset holds
    several times is written once. All names are checked before the first file is written.

    Raises DatasetError where ``out`` is not empty (unless ``force``: its files of the same names are
    replaced) or a name leads out of it, FormatError where a record is damaged.
    """
    level = dataset.check_level(n_scans)
    _check_empty(out, force)
    _check_names(dataset)
    turn = partial(_upright, quality=quality) if apply_orientation else None
    return _export(dataset, out, level, turn)


def _export(dataset: Dataset, out: Path, level: int, turn: _Turn | None) -> Iterator[ExportedImage]:
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
        raise DatasetError(f"{out}: expected an empty directory: --force replaces files in it")


def _check_names(dataset: Dataset) -> None:
    for record in dataset.records:
        for info in record.info().images:
            try:
                check_name(info.name)
            except FormatError as error:
                raise FormatError(f"{record.path}: {error}") from None


def _write(out: Path, name: str, data: NDArray[np.uint8]) -> ExportedImage:
    renamed = not name.lower().endswith(_JPEG_EXTENSIONS)
    path = out / (f"{name}.jpg" if renamed else name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"{path.parent}: expected a folder inside {out}, found a link out of it")
    with atomic_path(path, durable=False) as temporary, temporary.open("xb") as file:
        shutil.copyfileobj(io.BytesIO(data.data), file)
    return ExportedImage(path, renamed)


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
