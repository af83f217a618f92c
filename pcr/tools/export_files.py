"""The files of an export: one for each image, none of them through a link."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path, PurePosixPath

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.errors import DatasetError

_JPEG_EXTENSIONS = (".jpg", ".jpeg")


def file_names(names: Iterable[str], *, ignore_case: bool = False) -> dict[str, str]:
    """The file of each image, relative to the folder, by the image's name; no file comes twice.

    A name without a JPEG's extension gets ``.jpg`` after it, a name whose file is taken a number
    before its extension; names of JPEGs come first, in their order. ``ignore_case``: for a file
    system to which ``x.jpg`` and ``X.jpg`` are one file.
    """
    different = sorted(dict.fromkeys(names), key=lambda name: not _is_jpeg(name))
    key = _folded if ignore_case else str
    taken = {key(folder) for name in different for folder in _folders(name)}
    tries: Counter[str] = Counter()
    files = {}
    for name in different:
        wanted = file = name if _is_jpeg(name) else f"{name}.jpg"
        while key(file) in taken:
            tries[key(wanted)] += 1
            file = _numbered(wanted, tries[key(wanted)] + 1)
        taken.add(key(file))
        files[name] = file
    return files


def ignores_case(folder: Path) -> bool:
    """Whether the file system of a folder takes ``x`` and ``X`` for one name."""
    probe = folder / f".pcr-case{TEMPORARY_SUFFIX}"
    probe.unlink(missing_ok=True)  # of an export that was killed
    probe.touch(exist_ok=False)
    try:
        return folder.joinpath(probe.name.swapcase()).exists()
    finally:
        probe.unlink()


def check_classes(names: Iterable[str]) -> None:
    """Raise DatasetError where classes would be one folder to a file system that ignores case."""
    seen: dict[str, str] = {}
    for name in sorted({name.split("/")[0] for name in names}):
        other = seen.setdefault(_folded(name), name)
        if other != name:
            raise DatasetError(
                f"classes {other!r} and {name!r} would be one folder, because the file system "
                "ignores case: export to another one"
            )


def check_folders(out: Path, files: Iterable[str]) -> None:
    """Raise DatasetError where a folder for one of the files is there, but as a link."""
    root = Path(os.path.realpath(out))
    for folder in sorted({file.rpartition("/")[0] for file in files}):
        found = os.path.realpath(out / folder)
        if found != str(root / folder):
            raise DatasetError(f"{out / folder}: expected a folder, found a link to {found}")


def _is_jpeg(name: str) -> bool:
    return name.lower().endswith(_JPEG_EXTENSIONS)


def _folders(name: str) -> Iterable[str]:
    return accumulate(name.split("/")[:-1], "{}/{}".format)


def _numbered(file: str, number: int) -> str:
    path = PurePosixPath(file)
    return str(path.with_name(f"{path.stem}.{number}{path.suffix}"))


def _folded(name: str) -> str:
    """The same for names that such a file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()
