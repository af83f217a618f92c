"""The datasets in a folder or bucket, found by their index, and the images of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pcr.dataset import layout
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.record import Record
from pcr.errors import DatasetError, FormatError
from pcr.storage.location import Location, join
from pcr.storage.store import Store, open_store

_AT_ONCE = 8


@dataclass(frozen=True)
class ListedDataset:
    """A dataset in a folder; ``dataset`` is None where it is not one, or not yet: see ``problem``."""

    name: str
    dataset: Dataset | None
    problem: str | None = None


def list_datasets(location: Location) -> Iterator[ListedDataset]:
    """The datasets in the folders that lie directly at a location, by name.

    Raises StorageError for ``http(s)://``, which cannot list.
    """
    store = open_store(location)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(
            lambda name: _listed(open_store(join(str(location), name)), name), store.folders()
        )
        yield from (listed for listed in found if listed is not None)


def list_images(dataset: Dataset) -> Iterator[tuple[int, ImageInfo]]:
    """The label of each image and what its record keeps of it, in order, by one read per record.

    Raises FormatError where a record is damaged, StorageError where it can't be fetched.
    """
    with ThreadPoolExecutor(1 if dataset.is_local else _AT_ONCE) as pool:
        for first in range(0, len(dataset.records), _AT_ONCE):
            for info in pool.map(Record.info, dataset.records[first : first + _AT_ONCE]):
                yield from zip(info.labels.tolist(), info.images, strict=True)


def _listed(store: Store, name: str) -> ListedDataset | None:
    files = {file for file, _ in store.names("PCR") if layout.is_dataset_file(file)}
    if layout.INDEX_FILE not in files:
        return ListedDataset(name, None, "unfinished") if files else None
    try:
        return ListedDataset(name, Dataset(store))
    except FormatError:
        return ListedDataset(name, None, "damaged")
    except DatasetError:  # of the paper's released code
        return None
