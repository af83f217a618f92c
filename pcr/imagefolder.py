"""The images of an ImageFolder: classes and order as torchvision.datasets.ImageFolder has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pcr.errors import DatasetError

# torchvision's IMG_EXTENSIONS (torchvision/datasets/folder.py). Other kinds of images than JPEGs
# are listed too, and then refused, so that nothing that trains today is left out silently.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Sample:
    """One image file: its name relative to the folder, '/'-separated, and its label."""

    name: str
    label: int


@dataclass(frozen=True)
class ImageFolder:
    """A folder with one sub-folder per class."""

    root: Path
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]

    @classmethod
    def scan(cls, root: str | os.PathLike[str]) -> Self:
        """List the images below ``root``; names are compared in code point order.

        Links are followed, but not those that lead back to a folder that they lie in.

        Raises DatasetError where there is no folder, no class, a class without images, or a folder
        that can't be read.
        """
        root = Path(root)
        names = {name: _image_names(root, name) for name in _class_folders(root)}
        return cls(root, *labelled(str(root), names))

    def path(self, sample: Sample) -> Path:
        """The file of one sample."""
        return self.root / sample.name


def labelled(
    location: str, names: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], tuple[Sample, ...]]:
    """The classes, and the images with their labels, of the images' names by class.

    Raises DatasetError where there is no image, or a class without one.
    """
    if not any(names.values()):
        raise DatasetError(
            f"{location}: expected images ({', '.join(EXTENSIONS)}) in the class folders, "
            "found none"
        )
    empty = [class_name for class_name, found in names.items() if not found]
    if empty:
        raise DatasetError(
            f"{location}: expected images in every class folder, found none in "
            + ", ".join(map(repr, empty[:5]))
            + (f" and {len(empty) - 5} more" if len(empty) > 5 else "")
        )
    samples = (Sample(name, label) for label, found in enumerate(names.values()) for name in found)
    return tuple(names), tuple(samples)


def _class_folders(root: Path) -> tuple[str, ...]:
    if not root.is_dir():
        what = "a file" if root.exists() else "no such directory"
        raise DatasetError(f"{root}: expected an ImageFolder, found {what}")
    try:
        with os.scandir(root) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.is_dir() and not _leads_back(Path(entry.path), root)
            )
    except OSError as error:
        raise DatasetError(f"{root}: cannot be listed: {error.strerror}") from None
    if not names:
        raise DatasetError(f"{root}: expected one sub-folder per class, found none")
    return tuple(names)


def _image_names(root: Path, class_name: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise DatasetError(f"{error.filename}: cannot be listed: {error.strerror}") from None

    found = []
    for folder, file_names in sorted(_walk(root, class_name, refuse)):
        relative = Path(folder).relative_to(root).as_posix()
        found += [
            f"{relative}/{name}" for name in sorted(file_names) if name.lower().endswith(EXTENSIONS)
        ]
    return found


def _walk(
    root: Path, class_name: str, refuse: Callable[[OSError], None]
) -> Iterator[tuple[str, list[str]]]:
    """The folders of a class, and the names of the files in each."""
    walk = os.walk(root / class_name, followlinks=True, onerror=refuse)
    for folder, inside, file_names in walk:
        inside[:] = [name for name in inside if not _leads_back(Path(folder, name), root)]
        yield folder, file_names


def _leads_back(folder: Path, root: Path) -> bool:
    """Whether this is a link to a folder that it lies in, ``root`` the outermost."""
    if not folder.is_symlink():
        return False
    around = [folder.parents[n] for n in range(len(folder.relative_to(root).parts))]
    return any(folder.samefile(parent) for parent in around)
