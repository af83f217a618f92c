"""Open tar shards of WebDataset, local or remote, as one source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.byte_spans import SourceFile
from pcr.conversion.sources.described import Described, describe
from pcr.conversion.sources.stored_images import StoredImages
from pcr.conversion.sources.tar_samples import TarSample, tar_samples
from pcr.errors import UsageError
from pcr.imagefolder import EXTENSIONS
from pcr.storage.local import LocalStore
from pcr.storage.store import Store, open_parent
from pcr.tabular.table import Table

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_IMAGE_TYPES = tuple(extension[1:] for extension in EXTENSIONS)
_FILES_AT_ONCE = 8
_IMAGES_AT_ONCE = 16  # of a store, at 50 ms an answer: 320 images/s


def is_tar(name: str) -> bool:
    """Whether a file, or the files of a location, are tar files by name."""
    return name.lower().endswith((".tar", *_COMPRESSED))


def open_tars(location: str, tars: Sequence[str], options: ConversionOptions) -> Described:
    """The samples of some tar files, in their order; ``location`` is what they are together.

    Raises FormatError where a file is damaged or has other fields than the rest, StorageError where
    it can't be read.
    """
    for name in tars:
        if name.lower().endswith(_COMPRESSED):
            raise UsageError(f"{name}: expected a tar file that is not compressed: unpack it first")
    image_types = (options.image_column,) if options.image_column else _IMAGE_TYPES
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        files = _source_files(tars)
        found = pool.map(partial(tar_samples, image_types=image_types), files)
        samples = list(chain.from_iterable(found))
    names = [sample.name for sample in samples]
    spans = {sample.name: sample.image for sample in samples}
    at_once = 1 if all(isinstance(file.store, LocalStore) for file in files) else _IMAGES_AT_ONCE
    images = partial(StoredImages, location, spans, concurrent_reads=at_once)
    return describe(_table(location, samples), names, images, options)


def _source_files(names: Iterable[str]) -> list[SourceFile]:
    """The files, those in one place with one client of it."""
    stores: dict[str, Store] = {}
    files = []
    for name in names:
        found, file = open_parent(name)
        if isinstance(found, LocalStore):  # other machines have another current directory
            found = LocalStore(found.root.absolute())
        store = stores.setdefault(found.location, found)
        files.append(SourceFile(store, file, store.version(file)))
    return files


def _table(where: str, samples: Sequence[TarSample]) -> Table:
    fields = dict.fromkeys(field for sample in samples for field in sample.fields)
    return Table(
        where, {field: [sample.fields.get(field) for sample in samples] for field in fields}
    )
