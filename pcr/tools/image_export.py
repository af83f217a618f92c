"""A dataset, or a level of it, back into an ImageFolder or tar shards, with the original names."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from pcr.arguments import check_between, check_choice
from pcr.dataset.layout import check_class_name, check_name
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.record import Record
from pcr.errors import DatasetError, FormatError
from pcr.progress import progress_bar
from pcr.storage.local import check_directory
from pcr.storage.location import Location, path_here
from pcr.tools.export_files import (
    check_classes,
    check_folders,
    file_names,
    folded,
    ignores_case,
    sample_file,
    sample_key,
)
from pcr.tools.export_formats import ExportedImage, write_folder, write_tars

ExportFormat = Literal["imagefolder", "webdataset"]


@dataclass(frozen=True)
class ExportSummary:
    """What an export wrote.

    images: how many. renamed: where a file could not have its image's name, the file, relative to
        the folder, by the image's name.
    """

    images: int
    renamed: dict[str, str]


def export(
    root: Location,
    out: str | os.PathLike[str],
    n_scans: int | None = None,
    *,
    format: ExportFormat = "imagefolder",
    apply_orientation: bool = False,
    quality: int = 95,
    force: bool = False,
    progress: bool = True,
) -> ExportSummary:
    """Write every image of a dataset as a JPEG, with its columns, under its original name.

    root: path or URL of the dataset.
    out: folder to write to, new or empty.
    n_scans: the level to write, 1 to the dataset's levels; default: all levels. The bytes are those
        of the record.
    format: "imagefolder" (default): a file in the folder of its class for each image, and columns in
        ``metadata.jsonl``, as Hugging Face's ImageFolder reads them. "webdataset": a tar file for each
        record.
    apply_orientation: turn images upright that have another EXIF orientation than 1; only these are
        decoded and encoded again. Default False.
    quality: JPEG quality of the images that are turned, 1 to 100; default 95.
    force: write into a folder that is not empty, replacing files of the same names. Default False.
    progress: show a progress bar on stderr; default True.

    An image with another format's name, such as ``.png``, gets ``.jpg`` after it, and a number
    where that name is taken (``x.png.2.jpg``). In an ImageFolder, an image whose name does not begin
    with its class goes into the folder of its class; in tar files, dots in names become ``_``. An
    image that the dataset holds several times is written once. All names, which are in memory, and
    folders are checked before the first file is written: no two images get one file, also where the
    file system ignores case, and none is written through a link in ``out``. Raises UsageError for a
    wrong argument, DatasetError where ``out`` is not empty or a name leads out of it, FormatError
    where a record is damaged.
    """
    dataset, out = Dataset(root), path_here(out, "out")
    level = dataset.check_level(n_scans)
    check_choice(get_args(ExportFormat), format=format)
    check_between(1, 100, quality=quality)
    _check_empty(out, force)
    files = _plan_files(dataset, out, format)
    turn = partial(_upright, quality=quality) if apply_orientation else None
    write = write_folder if format == "imagefolder" else write_tars
    images = progress_bar(
        write(out, _records(dataset, files, level, turn)),
        desc="Exporting",
        total=len(files),
        unit=" images",
        disable=not progress,
    )
    written = sum(1 for _ in images)
    os.sync()  # all files at once: an fsync for each would take hours with millions
    return ExportSummary(written, {name: file for name, file in files.items() if name != file})


def _records(
    dataset: Dataset, files: dict[str, str], level: int, turn: _Turn | None
) -> Iterator[Iterator[ExportedImage]]:
    rest = dict(files)
    for record in dataset.records:
        yield _images(dataset, record, rest, level, turn)


def _images(
    dataset: Dataset, record: Record, rest: dict[str, str], level: int, turn: _Turn | None
) -> Iterator[ExportedImage]:
    """The images of a record that are among the ``rest``, which they leave."""
    infos = record.info().images
    images = record.read(level, columns=tuple(dataset.columns))
    for number, info in enumerate(infos):
        file = rest.pop(info.name, None)
        if file is None:
            continue
        data = images[number]
        if turn is not None and info.orientation > 1:
            data = turn(data, info)
        label = int(images.labels[number])
        values = {name: values[number] for name, values in images.columns.items()}
        yield ExportedImage(file, data, label, dataset.classes[label], values)


def _check_empty(out: Path, force: bool) -> None:
    check_directory(out)
    if not force and out.is_dir() and any(out.iterdir()):
        raise DatasetError(f"{out}: expected an empty directory: `force` replaces files in it")


def _plan_files(dataset: Dataset, out: Path, format: ExportFormat) -> dict[str, str]:
    """The file of each image, by its name; makes ``out`` once nothing but a folder in it can fail."""
    wanted = _wanted_files(dataset, format)
    out.mkdir(parents=True, exist_ok=True)
    if format == "webdataset":
        return file_names(wanted, key=sample_key, separator="_")
    ignore_case = ignores_case(out)
    if ignore_case:
        check_classes(wanted.values())
    files = file_names(wanted, key=folded if ignore_case else str)
    check_folders(out, files.values())
    return files


def _wanted_files(dataset: Dataset, format: ExportFormat) -> dict[str, str]:
    """What each image's file is to be called, by the image's name."""
    wanted = {}
    for record in dataset.records:
        info = record.info()
        for image, label in zip(info.images, info.labels.tolist(), strict=True):
            class_name, name = dataset.classes[label], image.name
            try:
                check_name(name)
                check_class_name(class_name)
            except FormatError as error:
                raise FormatError(f"{record.location}: {error}") from None
            in_class = name.startswith(f"{class_name}/")
            as_folder = name if in_class else f"{class_name}/{name}"
            wanted[name] = as_folder if format == "imagefolder" else sample_file(name)
    return wanted


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
