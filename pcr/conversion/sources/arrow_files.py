"""Open Hugging Face's datasets on disk: Parquet files with the bytes of images, or ``save_to_disk``'s."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.arrow_groups import ArrowBytes, ArrowFile
from pcr.conversion.sources.described import Described, describe, table_labels
from pcr.conversion.sources.stored_bytes import StoredValue
from pcr.conversion.sources.stored_images import StoredImages
from pcr.errors import DatasetError, FormatError
from pcr.tabular.parquet import arrow_table, load_pyarrow
from pcr.tabular.table import Table

_BYTES, _PATH = "bytes", "path"  # of Hugging Face's struct of an image


def image_field(file: ArrowFile, options: ConversionOptions) -> str | None:
    """The column with the bytes of images; None where there is none."""
    schema = file.schema()
    fields = [field for field in schema if _holds_bytes(field.type)]
    if options.image_column is not None:
        fields = [field for field in fields if field.name == options.image_column]
    structs = [field for field in fields if load_pyarrow().types.is_struct(field.type)]
    return next((field.name for field in (*structs, *fields)), None)


def open_arrow(
    location: str, paths: Sequence[Path], field: str, options: ConversionOptions
) -> Described:
    """The images in a column of some files of one schema, and their other columns.

    Raises FormatError where a file is damaged, DatasetError where they are of several schemas.
    """
    files = [ArrowFile.of(path) for path in paths]
    _check_schemas(files)
    images = [place for file in files for place in _places(file, field)]
    table = _table(location, files, field)
    names = _names(table, files, field, options)
    places = dict(zip(names, images, strict=True))
    make = partial(StoredImages, location, places)
    return describe(table, names, make, options, taken=(field,))


def saved_files(folder: Path) -> list[Path]:
    """The files of a dataset that ``save_to_disk`` wrote; FormatError where its list is damaged."""
    state = folder / "state.json"
    try:
        return [folder / file["filename"] for file in json.loads(state.read_bytes())["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{state}: expected the names of files, found: {error}") from None


def _holds_bytes(type: Any) -> bool:
    types = load_pyarrow().types
    if types.is_struct(type):
        names = {type.field(number).name for number in range(type.num_fields)}
        return (
            _BYTES in names and names <= {_BYTES, _PATH} and _holds_bytes(type.field(_BYTES).type)
        )
    return types.is_binary(type) or types.is_large_binary(type)


def _places(file: ArrowFile, field: str) -> Iterator[ArrowBytes]:
    """Of one column's bytes, in the order of the rows."""
    for group, (rows, size) in enumerate(file.group_sizes(field)):
        for row in range(rows):
            yield ArrowBytes(file, field, group, row, size)


def _table(location: str, files: Sequence[ArrowFile], image: str) -> Table:
    """All columns but the images; those of bytes are read later."""
    schema = files[0].schema()
    late = [field.name for field in schema if _holds_bytes(field.type)]
    small = [name for name in schema.names if name not in late]
    stored = {
        name: [StoredValue(place) for file in files for place in _places(file, name)]
        for name in late
        if name != image
    }
    tables = [file.table(small) for file in files]
    table = arrow_table(load_pyarrow().concat_tables(tables), location)
    return replace(table, values={**table.values, **stored})


def _check_schemas(files: Sequence[ArrowFile]) -> None:
    expected = files[0].schema()
    for file in files:
        if not file.schema().equals(expected):
            raise DatasetError(
                f"{file.path}: expected the columns of {files[0].path} "
                f"({', '.join(expected.names)}) and their types, found others"
            )


def _names(
    table: Table, files: Sequence[ArrowFile], image: str, options: ConversionOptions
) -> list[str]:
    """Class and file name of each image, where these are there and differ; else its file and row."""
    paths = [path for file in files for path in _paths(file, image)]
    names = [PurePath(path or "").name for path in paths]
    labels, class_names, _ = table_labels(table, options)
    if labels is not None:
        folders = (_class_name(label, class_names) for label in labels)
        names = [f"{folder}/{name}" for folder, name in zip(folders, names, strict=True)]
    if all(paths) and len(set(names)) == len(names):
        return names
    counts = ((file, sum(rows for rows, _ in file.group_sizes(image))) for file in files)
    return [f"{file.path.stem}-{row:08d}.jpg" for file, rows in counts for row in range(rows)]


def _paths(file: ArrowFile, image: str) -> list[str | None]:
    """What the file says of the files of the images."""
    pyarrow = load_pyarrow()
    type = file.schema().field(image).type
    if not pyarrow.types.is_struct(type) or _PATH not in [field.name for field in type]:
        return [None]
    paths: list[str | None] = [
        path
        for part in file.table([f"{image}.{_PATH}"]).column(image).chunks
        for path in part.field(_PATH).to_pylist()
    ]
    return paths


def _class_name(label: object, class_names: Sequence[str] | None) -> str:
    if class_names is not None and isinstance(label, int) and 0 <= label < len(class_names):
        return class_names[label]
    return str(label)
