"""The files of an export: one for each image, none of them through a link."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from pathlib import Path, PurePosixPath

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.errors import DatasetError

_JPEG_EXTENSIONS = (".jpg", ".jpeg")


def file_names(
    wanted: Mapping[str, str], *, key: Callable[[str], str] = str, separator: str = "."
) -> dict[str, str]:
    """The file of each image, relative to the folder, by the image's name; no file comes twice.

    wanted: the file that each is to have. One without a JPEG's extension gets ``.jpg`` after it, one
    that is taken a number before its extension, after a ``separator``; JPEGs come first, in their
    order. key: the same for files that are one: `folded` for a file system to which ``x.jpg`` and
    ``X.jpg`` are one, `sample_key` for WebDataset.
    """
    in_order = sorted(wanted, key=lambda name: not _is_jpeg(wanted[name]))
    taken = {key(folder) for file in wanted.values() for folder in _folders(file)}
    tries: Counter[str] = Counter()
    files = {}
    for name in in_order:
        first = file = wanted[name] if _is_jpeg(wanted[name]) else f"{wanted[name]}.jpg"
        while key(file) in taken:
            tries[key(first)] += 1
            file = _numbered(first, tries[key(first)] + 1, separator)
        taken.add(key(file))
        files[name] = file
    return files


def sample_file(name: str) -> str:
    """The member of a tar file with an image: its name, with no dot but that of its extension."""
    folder, slash, file = name.rpartition("/")
    stem, dot, extension = file.rpartition(".") if _is_jpeg(file) else (file, "", "")
    return f"{folder}{slash}{stem.replace('.', '_') or '_'}{dot}{extension}"


def sample_key(file: str) -> str:
    """What makes members of a tar file one sample of WebDataset: the name without its extension."""
    return file.rpartition(".")[0]


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
        other = seen.setdefault(folded(name), name)
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


def _numbered(file: str, number: int, separator: str) -> str:
    path = PurePosixPath(file)
    return str(path.with_name(f"{path.stem}{separator}{number}{path.suffix}"))


def folded(name: str) -> str:
    """The same for names that such a file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()
