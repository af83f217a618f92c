"""Open the source at a path or URL."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.arrow_files import image_field, open_arrow, saved_files
from pcr.conversion.sources.arrow_groups import ArrowFile
from pcr.conversion.sources.image_source import Source
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.conversion.sources.own_samples import Samples, read_samples
from pcr.conversion.sources.store_folder import StoreFolder
from pcr.conversion.sources.table_rows import METADATA_FILES, open_metadata, open_table
from pcr.conversion.sources.tar_files import is_tar, open_tars
from pcr.errors import DatasetError, UsageError
from pcr.storage.location import Location, is_remote, local_path
from pcr.storage.patterns import expand
from pcr.storage.remote import RemoteStore
from pcr.storage.store import open_store
from pcr.tabular.table_files import is_table

_SHARD = re.compile(r"(?P<split>.+)-\d{5}-of-\d{5}")  # as Hugging Face's library names files


def is_folder(location: Location) -> bool:
    """Whether a location is that of a folder, by its name, and not of a file or several."""
    return not is_table(str(location)) and not is_tar(str(location))


@contextmanager
def opened_source(source: Location | Samples, options: ConversionOptions) -> Iterator[Source]:
    """What lies at a path or URL, or samples, which are kept in a temporary folder meanwhile.

    Raises UsageError for anything else, or what `open_source` and `read_samples` raise.
    """
    if isinstance(source, str | os.PathLike):
        yield open_source(source, options)
    elif isinstance(source, Iterable):
        with TemporaryDirectory(prefix="pcr-") as folder:
            yield read_samples(source, Path(folder), options)
    else:
        raise UsageError(f"expected a path, a URL or samples, found {source!r}", "source")


def open_source(location: Location, options: ConversionOptions) -> Source:
    """What lies at a path or URL, listed: its name says what it is, or what a folder holds.

    A table of paths (``.csv``, ``.jsonl``, ``.parquet``); Parquet files with the bytes of images;
    tar shards of WebDataset (``.tar``); a folder of Parquet files or tar shards, or one that Hugging
    Face's ``save_to_disk`` wrote; an ImageFolder, perhaps with a table ``metadata.…`` in it. Files
    may be several, by a pattern.

    Raises DatasetError where there is none, StorageError where its store does not answer.
    """
    name = str(location)
    if is_tar(name):
        return open_tars(name, expand(name), options)
    if name.lower().endswith(".parquet") and not is_remote(location):
        return _open_parquet(name, [Path(path) for path in expand(name)], options)
    if is_table(name):
        return open_table(location, options)
    store = open_store(location)
    for metadata in METADATA_FILES:
        if store.can_list and store.size(metadata) is not None:
            return open_metadata(store, metadata, options)
    if isinstance(store, RemoteStore):
        _check_no_columns(name, options)
        return StoreFolder.scan(store)
    return _open_local_folder(local_path(location), options)


def _open_local_folder(folder: Path, options: ConversionOptions) -> Source:
    if (folder / "dataset_dict.json").is_file():
        splits = ", ".join(path.parent.name for path in sorted(folder.glob("*/state.json")))
        raise DatasetError(f"{folder}: expected one split, found {splits}: name its folder")
    if (folder / "state.json").is_file():
        return _open_rows(str(folder), saved_files(folder), options)
    parquet, tars = _files(folder)
    if parquet:
        return _open_parquet(str(folder), parquet, options)
    if tars:
        return open_tars(str(folder), [str(path) for path in tars], options)
    _check_no_columns(str(folder), options)
    return LocalFolder.scan(folder)


def _check_no_columns(location: str, options: ConversionOptions) -> None:
    for parameter in ("image_column", "label_column"):
        if (name := getattr(options, parameter)) is not None:
            raise UsageError(
                f"expected a source with columns, found an ImageFolder ({location}) for {name!r}",
                parameter,
            )


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The Parquet files and the tar files of a folder that has no others in it, but for ``data``."""
    if not folder.is_dir() or any(
        path.is_dir() for path in folder.iterdir() if path.name != "data"
    ):
        return [], []
    parquet = sorted([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")])
    return parquet, sorted(folder.glob("*.tar"))


def _open_parquet(location: str, files: Sequence[Path], options: ConversionOptions) -> Source:
    splits = {found["split"] for path in files if (found := _SHARD.fullmatch(path.stem))}
    if len(splits) > 1:
        pattern = files[0].with_name(f"{min(splits)}-*.parquet")
        raise DatasetError(
            f"{location}: expected files of one split, found {', '.join(sorted(splits))}: name those of "
            f"one, as in {pattern}"
        )
    if len(files) == 1 and image_field(ArrowFile.of(files[0]), options) is None:
        return open_table(files[0], options)
    return _open_rows(location, files, options)


def _open_rows(location: str, files: Sequence[Path], options: ConversionOptions) -> Source:
    field = image_field(ArrowFile.of(files[0]), options) if files else None
    if field is None:
        raise DatasetError(
            f"{location}: expected a column with the bytes of images, found none: name it by "
            "`image_column`"
        )
    return open_arrow(location, files, field, options)
