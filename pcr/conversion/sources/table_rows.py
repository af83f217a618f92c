"""Images whose paths a table lists, and an ImageFolder with a table of metadata in it."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Sequence
from functools import partial
from pathlib import Path

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.described import Described, describe
from pcr.conversion.sources.image_source import Source
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.conversion.sources.store_folder import StoreFolder
from pcr.errors import DatasetError
from pcr.imagefolder import EXTENSIONS, Sample
from pcr.storage.local import LocalStore
from pcr.storage.location import Location, join
from pcr.storage.remote import RemoteStore
from pcr.storage.store import Store, open_parent
from pcr.tabular.table import Table
from pcr.tabular.table_files import PATH_COLUMNS, stored_table

METADATA_FILES = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
"""What Hugging Face's `ImageFolder <https://huggingface.co/docs/datasets/image_dataset>`_ reads."""


def open_table(location: Location, options: ConversionOptions) -> Described:
    """The images that a table lists, in its order, by paths relative to its folder or absolute ones.

    Raises DatasetError where the table says no paths, or one twice, FormatError where it is damaged.
    """
    store, name = open_parent(location)
    return _describe(store, stored_table(store, name), options)


def open_metadata(store: Store, name: str, options: ConversionOptions) -> Described:
    """The images of a folder with a table of metadata in it, in the order that they have without it.

    Raises DatasetError where the table has no row for an image.
    """
    table = stored_table(store, name)
    described = _describe(store, table, options)
    _check_complete(store, described.rows, table.location)
    return described.relabelled(described.classes, sorted(described.samples, key=_place))


def _describe(store: Store, table: Table, options: ConversionOptions) -> Described:
    field = _path_field(table, options)
    root, names = _rooted(store, _paths(table, field), table.location)
    return describe(table, names, partial(_folder, root), options, taken=(field,))


def _path_field(table: Table, options: ConversionOptions) -> str:
    field = options.image_column or table.first_of(PATH_COLUMNS)
    if field is None:
        raise DatasetError(
            f"{table.location}: expected a column {', '.join(PATH_COLUMNS)} with the paths of "
            f"images, found {', '.join(table.values) or 'none'}: name it by `image_column`"
        )
    return field


def _paths(table: Table, field: str) -> list[str]:
    paths = table.of(field)
    for row, path in enumerate(paths, start=1):
        if not isinstance(path, str) or not path:
            raise DatasetError(
                f"{table.location}: row {row}, column {field!r}: expected the path of an image, "
                f"found {path!r}"
            )
    return paths


def _rooted(store: Store, paths: Sequence[str], where: str) -> tuple[Store, list[str]]:
    """Where all paths begin, and the images' names there: the table's folder if it has all of them."""
    tidy = [os.path.normpath(path) for path in paths]
    outside = [path for path in tidy if path.startswith(("/", ".."))]
    if not outside:
        return store, tidy
    if not isinstance(store, LocalStore):
        raise DatasetError(f"{where}: expected paths below its folder, found {outside[0]}")
    absolute = [Path(os.path.normpath(Path.cwd() / store.root / path)) for path in tidy]
    folder = Path(os.path.commonpath([path.parent for path in absolute]))
    return LocalStore(folder), [path.relative_to(folder).as_posix() for path in absolute]


def _folder(store: Store, classes: tuple[str, ...], samples: tuple[Sample, ...]) -> Source:
    if not isinstance(store, RemoteStore):
        return LocalFolder(Path(store.location), classes, samples)
    objects = {name: (size, version) for name, size, version in store.objects()}
    for sample in samples:
        if sample.name not in objects:
            raise DatasetError(
                f"{join(store.location, sample.name)}: expected an image, found none"
            )
    return StoreFolder(store, classes, samples, objects)


def _place(sample: Sample) -> tuple[str, str, str]:
    """Where an image comes in an ImageFolder: by class, then by folder, then by name."""
    folder, _, file = sample.name.rpartition("/")
    return sample.name.partition("/")[0] if folder else "", folder, file


def _check_complete(store: Store, listed: Container[str], where: str) -> None:
    """Raise DatasetError where an image has no row, so that none is left out without a word."""
    missing = [name for name in _image_names(store) if name not in listed]
    if missing:
        raise DatasetError(
            f"{where}: expected a row for each image of the folder, found none for {len(missing)}, "
            f"such as {min(missing)}: convert {where} itself to take those that it lists"
        )


def _image_names(store: Store) -> Iterator[str]:
    """All images below a place."""
    names = _object_names(store) if isinstance(store, RemoteStore) else _file_names(store)
    return (name for name in names if name.lower().endswith(EXTENSIONS))


def _object_names(store: RemoteStore) -> Iterator[str]:
    return (name for name, _, _ in store.objects())


def _file_names(store: Store) -> Iterator[str]:
    root = Path(store.location)
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names)
