"""Labels of images whose source is no ImageFolder: from a column, from folders, or one class for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pcr.dataset.layout import MAX_CLASSES, check_class_name, check_name
from pcr.errors import DatasetError, FormatError
from pcr.imagefolder import Sample

ONLY_CLASS = "images"
"""The class of all images where nothing says which class they are of."""


def with_labels(
    names: Sequence[str],
    labels: Sequence[Any] | None,
    class_names: Sequence[str] | None,
    where: str,
) -> tuple[tuple[str, ...], tuple[Sample, ...]]:
    """The classes, and the images of these names with their labels.

    labels: of each image its class's name or number; None: the first folder of its name is its
    class, or, where a name is in no folder, all images are of `ONLY_CLASS`. class_names: of the
    numbers; None: the numbers themselves. ``where`` is named where a label is neither.
    """
    _check_names(names, where)
    given: Sequence[Any] = labels if labels is not None else _folders(names)
    given = given or [ONLY_CLASS] * len(names)
    if all(isinstance(label, str) for label in given):
        class_names = sorted(set(given))
        number = {name: label for label, name in enumerate(class_names)}
        given = [number[label] for label in given]
    _check_numbers(given, MAX_CLASSES if class_names is None else len(class_names), where)
    if class_names is None:
        class_names = tuple(map(str, range(max(given) + 1)))
    _check_all(check_class_name, class_names, where)
    return tuple(class_names), tuple(map(Sample, names, given))


def _check_names(names: Sequence[str], where: str) -> None:
    if not names:
        raise DatasetError(f"{where}: expected images, found none")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DatasetError(f"{where}: expected each image once, found {name!r} twice")
        seen.add(name)
    _check_all(check_name, names, where)


def _check_all(check: Callable[[str], None], names: Sequence[str], where: str) -> None:
    try:
        for name in names:
            check(name)
    except FormatError as error:
        raise DatasetError(f"{where}: {error}") from None


def _folders(names: Sequence[str]) -> list[str]:
    """The first folder of each name; none where a name has no folder."""
    folders = [name.partition("/")[0] for name in names if "/" in name]
    return folders if len(folders) == len(names) else []


def _check_numbers(labels: Sequence[Any], classes: int, where: str) -> None:
    for row, label in enumerate(labels, start=1):
        is_whole = isinstance(label, int) and not isinstance(label, bool)
        if not is_whole or not 0 <= label < classes:
            raise DatasetError(
                f"{where}: image {row}: expected a label 0 to {classes - 1}, or the names of all "
                f"images' classes, found {label!r}: name the right one by `label_column`"
            )


def numbers_and_names(numbers: Sequence[Any], texts: Sequence[Any]) -> tuple[str, ...] | None:
    """The names of numbered classes, if the texts are such: one for each number, and no two alike.

    Classes without an image are called by their numbers.
    """
    pairs = {(number, text) for number, text in zip(numbers, texts, strict=True)}
    of_number = dict(pairs)
    are_names = all(isinstance(n, int) and isinstance(text, str) for n, text in pairs)
    if not are_names or not len(pairs) == len(of_number) == len(set(of_number.values())):
        return None
    return tuple(of_number.get(n, str(n)) for n in range(max(of_number, default=-1) + 1))
