"""Open the source at a path or URL."""

from __future__ import annotations

from pcr.conversion.sources.image_source import Source
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.conversion.sources.store_folder import StoreFolder
from pcr.storage.location import Location, is_remote, local_path
from pcr.storage.remote import RemoteStore


def open_source(location: Location) -> Source:
    """The ImageFolder at a path or URL, listed.

    Raises DatasetError where there is none, StorageError where its store does not answer.
    """
    if is_remote(location):
        return StoreFolder.scan(RemoteStore(str(location)))
    return LocalFolder.scan(local_path(location))
