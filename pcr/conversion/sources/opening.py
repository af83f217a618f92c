"""Open the source at a path or URL."""

from __future__ import annotations

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.image_source import Source
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.conversion.sources.store_folder import StoreFolder
from pcr.conversion.sources.table_rows import METADATA_FILES, open_metadata, open_table
from pcr.conversion.sources.tar_files import is_tar, open_tars
from pcr.storage.location import Location
from pcr.storage.remote import RemoteStore
from pcr.storage.store import open_store
from pcr.tabular.table_files import is_table


def is_folder(location: Location) -> bool:
    """Whether a location is that of a folder, by its name, and not of a file or several."""
    return not is_table(str(location)) and not is_tar(str(location))


def open_source(location: Location, options: ConversionOptions) -> Source:
    """What lies at a path or URL, listed: its name says what it is, or what a folder holds.

    A table of paths (``.csv``, ``.jsonl``, ``.parquet``), tar shards of WebDataset (``.tar``, a
    pattern of such, or a folder of them), an ImageFolder with a table ``metadata.…`` in it, or an
    ImageFolder.

    Raises DatasetError where there is none, StorageError where its store does not answer.
    """
    name = str(location)
    if is_table(name):
        return open_table(location, options)
    if is_tar(name):
        return open_tars(location, options)
    store = open_store(location)
    for metadata in METADATA_FILES:
        if store.can_list and store.size(metadata) is not None:
            return open_metadata(store, metadata, options)
    if isinstance(store, RemoteStore):
        return StoreFolder.scan(store)
    return LocalFolder.scan(store.root)
