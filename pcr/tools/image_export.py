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

from pcr.arguments import check_between
from pcr.atomic import atomic_path
from pcr.dataset.layout import check_name
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, FormatError
from pcr.progress import progress_bar
from pcr.storage.location import Location
from pcr.tools.export_files import check_classes, check_folders, file_names, ignores_case


@dataclass(frozen=True)
class ExportSummary:
    """What an export wrote.

    images: how many. renamed: the files, relative to the folder, of those images whose files have
        other names than they have, by the images' names.
    """

    images: int
    renamed: dict[str, str]


def export(
    root: Location,
    out: str | os.PathLike[str],
    n_scans: int | None = None,
    *,
    apply_orientation: bool = False,
    quality: int = 95,
    force: bool = False,
    progress: bool = True,
) -> ExportSummary:
    """Write every image of a dataset as a JPEG file, in an ImageFolder with the original names.

    root: path or URL of the dataset.
    out: folder to write to, new or empty.
    n_scans: the level to write, 1 to the dataset's levels; default: all levels. The bytes are those
        of the record.
    apply_orientation: turn images upright that have another EXIF orientation than 1; only these are
        decoded and encoded again. Default False.
    quality: JPEG quality of the images that are turned, 1 to 100; default 95.
    force: write into a folder that is not empty, replacing files of the same names. Default False.
    progress: show a progress bar on stderr; default True.

    An image with another format's name, such as ``.png``, gets ``.jpg`` after it, and a number
    where that name is taken (``x.png.2.jpg``). An image that the dataset holds several times is
    written once. All names, which are in memory, and folders are checked before the first file is
    written: no two images get one file, also where the file system ignores case, and none is
    written through a link in ``out``. Raises UsageError for a wrong argument, DatasetError where
    ``out`` is not empty or a name leads out of it, FormatError where a record is damaged.
    """
    dataset, out = Dataset(root), Path(out)
    level = dataset.check_level(n_scans)
    check_between(1, 100, quality=quality)
    _check_empty(out, force)
    files = _plan_files(dataset, out)
    turn = partial(_upright, quality=quality) if apply_orientation else None
    images = progress_bar(
        _export(dataset, out, files, level, turn),
        desc="Exporting",
        total=len(files),
        unit=" images",
        disable=not progress,
    )
    written = sum(1 for _ in images)
    return ExportSummary(written, {name: file for name, file in files.items() if name != file})


def _export(
    dataset: Dataset, out: Path, files: dict[str, str], level: int, turn: _Turn | None
) -> Iterator[None]:
    """Write image by image."""
    rest = dict(files)
    for record in dataset.records:
        infos = record.info().images
        images = record.read(level)
        for number, info in enumerate(infos):
            file = rest.pop(info.name, None)
            if file is None:
                continue
            data = images[number]
            if turn is not None and info.orientation > 1:
                data = turn(data, info)
            _write(out / file, data)
            yield
    os.sync()  # all files at once: an fsync for each would take hours with millions


def _check_empty(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{out}: expected an output directory, found a file")
    if not force and out.is_dir() and any(out.iterdir()):
        raise DatasetError(f"{out}: expected an empty directory: `force` replaces files in it")


def _plan_files(dataset: Dataset, out: Path) -> dict[str, str]:
    """The file of each image, by its name; makes ``out`` once nothing but a folder in it can fail."""
    names = list(_checked_names(dataset))
    out.mkdir(parents=True, exist_ok=True)
    ignore_case = ignores_case(out)
    if ignore_case:
        check_classes(names)
    files = file_names(names, ignore_case=ignore_case)
    check_folders(out, files.values())
    return files


def _checked_names(dataset: Dataset) -> Iterator[str]:
    for record in dataset.records:
        for info in record.info().images:
            try:
                check_name(info.name)
            except FormatError as error:
                raise FormatError(f"{record.location}: {error}") from None
            yield info.name


def _write(path: Path, data: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, durable=False) as temporary, temporary.open("xb") as file:
        shutil.copyfileobj(io.BytesIO(data.data), file)


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
