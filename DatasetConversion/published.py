"""Read the files of published datasets: look-up, tables, MATLAB files, image folders.

Anything missing or malformed raises a `ConversionError` that names the file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.io import loadmat

JPEG_SUFFIXES = (".jpg", ".jpeg")


class ConversionError(Exception):
    """The dataset or the output folder is not as expected; the message is for the user."""


def first_existing(root: Path, candidates: Iterable[str]) -> Path | None:
    """Return the first of the relative paths `candidates` that exists under `root`."""
    return next((root / name for name in candidates if (root / name).exists()), None)


def require(root: Path, candidates: Sequence[str]) -> Path:
    """Return the first existing candidate, or raise ConversionError that lists them all."""
    found = first_existing(root, candidates)
    if found is None:
        raise ConversionError(f"{root}: missing {' or '.join(candidates)}")
    return found


def read_table(path: Path, columns: Collection[str], **options: Any) -> pd.DataFrame:
    """Read a text table as strings with pandas and check that it has `columns`."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, **options).fillna("")
    except ValueError as error:  # the base of pandas' parser errors and of UnicodeDecodeError
        raise ConversionError(f"{path}: not a readable table: {error}") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ConversionError(f"{path}: missing column {', '.join(missing)}")
    return table


def read_lines(path: Path) -> list[str]:
    """Return the stripped lines of a text file, without empty lines at its end."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").rstrip().splitlines()]
    except UnicodeDecodeError as error:
        raise ConversionError(f"{path}: not a text file: {error}") from error


def read_mat(path: Path, variable: str, fields: Collection[str] = ()) -> np.ndarray:
    """Return a one-dimensional variable of a MATLAB file and check its struct `fields`."""
    with path.open("rb") as file:
        try:
            contents = loadmat(file, squeeze_me=True)
        except Exception as error:  # loadmat's errors on damaged files have no common base
            raise ConversionError(f"{path}: not a readable MATLAB file: {error}") from error
    if variable not in contents:
        raise ConversionError(f"{path}: missing variable {variable}")
    values = np.atleast_1d(contents[variable])
    missing = [name for name in fields if name not in (values.dtype.names or ())]
    if missing:
        raise ConversionError(f"{path}: {variable} lacks the field {', '.join(missing)}")
    return values


def id_text(value: object) -> str:
    """Return a MATLAB id as text: 7 whether it was stored as an integer or as a double."""
    return str(value).removesuffix(".0")


def jpegs_by_stem(directory: Path, *, recursive: bool = False) -> dict[str, Path]:
    """Map name without suffix to file for the JPEG files in `directory`.

    If sub-folders contain a name twice (as in Kaggle's HAM10000 archive), the first folder in
    sorted order is used. Raises ConversionError if there is no JPEG file.
    """
    if not directory.is_dir():
        raise ConversionError(f"{directory}: missing folder of images")
    found: dict[str, Path] = {}
    others: Counter[str] = Counter()
    for folder, subfolders, names in os.walk(directory, followlinks=True):
        subfolders[:] = sorted(subfolders) if recursive else []
        for path in (Path(folder, name) for name in sorted(names)):
            if path.suffix.lower() in JPEG_SUFFIXES:
                found.setdefault(path.stem, path)
            else:
                others[path.suffix or "suffixless"] += 1
    if not found:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(3))
        raise ConversionError(
            f"{directory}: expected JPEG images, found {kinds or 'no'} files; "
            "PCR stores JPEG bytes, so other formats must be saved as JPEG first"
        )
    return found


def locate(found: Mapping[str, Path], names: Sequence[str], directory: Path) -> list[Path]:
    """Return the file of each name (with or without suffix), or raise if some are missing."""
    missing = [name for name in names if Path(name).stem not in found]
    if missing:
        raise ConversionError(
            f"{directory}: {len(missing)} of {len(names)} images are missing, first {missing[0]}"
        )
    return [found[Path(name).stem] for name in names]
