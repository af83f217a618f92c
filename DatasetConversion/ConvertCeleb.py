#!/usr/bin/env python3
"""Turn CelebA-HQ (30 000 faces) into ImageFolders of smiling and not smiling faces.

Layout: CelebA's `list_attr_celeba.txt` (a count, a header, then a file name and 40 values of -1 or
1 per line) with `image_list.txt` or `CelebA-HQ-to-CelebA-mapping.txt` (idx, orig_idx, orig_file);
or CelebAMask-HQ's `CelebAMask-HQ-attribute-anno.txt`, which has the same form and lists the HQ
images themselves. Images are JPEG files in one flat folder, named by CelebA file (119614.jpg), by
idx (0.jpg, 00000.jpg, img00000.jpg, imgHQ00000.jpg) or by idx + 1 (00001.jpg). Source: Karras et
al., ICLR 2018; Liu et al., ICCV 2015; Lee et al., CVPR 2020.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from conversion import Sample, argument_parser, run
from published import (
    ConversionError,
    first_existing,
    jpegs_by_stem,
    read_lines,
    read_table,
    require,
)

ATTRIBUTES = ("list_attr_celeba.txt", "Anno/list_attr_celeba.txt", "celebA/list_attr_celeba.txt")
IMAGE_LISTS = (
    "image_list.txt",
    "Anno/image_list.txt",
    "celebA-HQ/image_list.txt",
    "CelebA-HQ-to-CelebA-mapping.txt",
)
HQ_ATTRIBUTES = "CelebAMask-HQ-attribute-anno.txt"
IMAGE_DIRECTORIES = (
    "CelebA-HQ-img",
    "celeba-hq/celeba-1024",
    "data1024x1024",
    "celeba_hq_256",
    "celebA-HQ",
    "images",
    ".",
)
CLASSES = {"1": "Smiling", "-1": "Not_Smiling"}


def read_samples(arguments: argparse.Namespace) -> Iterator[Sample]:
    """Yield a sample per CelebA-HQ image, labelled by its attribute Smiling."""
    root = arguments.dataset_root
    attributes = first_existing(root, ATTRIBUTES)
    if attributes is None and (root / HQ_ATTRIBUTES).exists():
        smiling = _read_smiling(root / HQ_ATTRIBUTES)
        listed = [(_number(Path(name).stem), name) for name in smiling.index]
    else:
        smiling = _read_smiling(require(root, (*ATTRIBUTES, HQ_ATTRIBUTES)))
        listed = _read_image_list(require(root, IMAGE_LISTS), smiling)
    directory = (arguments.image_dir or require(root, IMAGE_DIRECTORIES)).resolve()
    images = _match(listed, jpegs_by_stem(directory), directory)
    for (_, name), image in zip(listed, images, strict=True):
        yield Sample(CLASSES[smiling[name]], image)


def _read_smiling(path: Path) -> pd.Series:
    """Return the values "1" or "-1" of the attribute Smiling by file name."""
    # The header names 40 columns and rows have 41: pandas takes the first as the index.
    table = read_table(path, ("Smiling",), sep=r"\s+", skiprows=1)
    if isinstance(table.index, pd.RangeIndex):
        raise ConversionError(f"{path}: expected rows of a file name and a value per column")
    announced = read_lines(path)[0]
    if announced != str(len(table)):
        raise ConversionError(f"{path}: line 1 announces {announced!r} rows, found {len(table)}")
    _check_unique(path, table.index.to_series())
    wrong = table[~table["Smiling"].isin(CLASSES)]
    if len(wrong):
        name, value = wrong.index[0], wrong["Smiling"].iloc[0]
        raise ConversionError(f"{path}: {name}: expected Smiling 1 or -1, found {value!r}")
    return table["Smiling"]


def _read_image_list(path: Path, smiling: pd.Series) -> list[tuple[int, str]]:
    """Return (idx, CelebA file name) of each CelebA-HQ image."""
    table = read_table(path, ("idx", "orig_file"), sep=r"\s+")
    _check_unique(path, table["idx"])
    _check_unique(path, table["orig_file"])
    unknown = [name for name in table["orig_file"] if name not in smiling.index]
    if unknown:
        raise ConversionError(
            f"{path}: {len(unknown)} images have no row in the attribute file, first {unknown[0]}"
        )
    return [(_number(i), name) for i, name in zip(table["idx"], table["orig_file"], strict=True)]


def _check_unique(path: Path, values: pd.Series) -> None:
    if values.duplicated().any():
        raise ConversionError(f"{path}: {values[values.duplicated()].iloc[0]} is listed twice")


def _number(stem: str) -> int:
    """Return the number in an HQ image's name, or -1 if the name has another form."""
    match = re.fullmatch(r"(?:img(?:HQ)?)?(\d+)", stem)
    return int(match[1]) if match else -1


def _match(listed: list[tuple[int, str]], found: dict[str, Path], directory: Path) -> list[Path]:
    """Return the file of each listed image under the one way of naming that fits all files."""
    by_number = {str(_number(stem)): path for stem, path in found.items()}
    schemes = [
        ([Path(name).stem for _, name in listed], found),
        ([str(idx) for idx, _ in listed], by_number),
        ([str(idx + 1) for idx, _ in listed], by_number),
    ]
    for keys, files in schemes:
        if len(files) == len(found) and set(files) == set(keys):
            return [files[key] for key in keys]
    keys, files = max(schemes, key=lambda scheme: len(set(scheme[0]) & set(scheme[1])))
    missing = [key for key in keys if key not in files]
    if missing:
        raise ConversionError(
            f"{directory}: {len(missing)} of {len(listed)} images are missing, first {missing[0]}"
        )
    raise ConversionError(
        f"{directory}: expected the {len(listed)} listed images, found {len(found)} JPEG files "
        "(is it the folder of CelebA itself, or does it contain other images?)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Convert CelebA-HQ and return the exit code."""
    parser = argument_parser("Turn CelebA-HQ into train/ and val/ ImageFolders by smile.")
    parser.add_argument("--image_dir", type=Path, help="folder of the images, if not found by name")
    return run(parser, read_samples, argv)


if __name__ == "__main__":
    sys.exit(main())
