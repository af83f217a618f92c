"""Open tar shards of WebDataset, local or remote, as one source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.byte_spans import ByteSpans, SourceFile
from pcr.conversion.sources.described import Described, describe
from pcr.conversion.sources.tar_samples import TarSample, tar_samples
from pcr.errors import UsageError
from pcr.imagefolder import EXTENSIONS
from pcr.storage.location import Location
from pcr.storage.patterns import expand
from pcr.storage.store import Store, open_parent
from pcr.tabular.table import Table

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_IMAGE_TYPES = tuple(extension[1:] for extension in EXTENSIONS)
_FILES_AT_ONCE = 8


def is_tar(name: str) -> bool:
    """Whether a file, or the files of a pattern, are tar files by name."""
    return name.lower().endswith((".tar", *_COMPRESSED))


def open_tars(location: Location, options: ConversionOptions) -> Described:
    """The samples of one tar file, or of those that a pattern names, in its order.

    Raises FormatError where a file is damaged or has other fields than the rest, StorageError where
    it can't be read.
    """
    pattern = str(location)
    if pattern.lower().endswith(_COMPRESSED):
        raise UsageError(
            f"{pattern}: expected tar files that are not compressed: unpack them first"
        )
    image_types = (options.image_column,) if options.image_column else _IMAGE_TYPES
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        files = _stored_files(expand(pattern))
        found = pool.map(partial(tar_samples, image_types=image_types), files)
        samples = list(chain.from_iterable(found))
    names = [sample.name for sample in samples]
    spans = {sample.name: sample.image for sample in samples}
    images = partial(ByteSpans, pattern, spans)
    return describe(_table(pattern, samples), names, images, options)


def _stored_files(names: Iterable[str]) -> list[SourceFile]:
    """The files, those in one place with one client of it."""
    stores: dict[str, Store] = {}
    files = []
    for name in names:
        found, file = open_parent(name)
        store = stores.setdefault(found.location, found)
        files.append(SourceFile(store, file, store.version(file)))
    return files


def _table(where: str, samples: Sequence[TarSample]) -> Table:
    fields = dict.fromkeys(field for sample in samples for field in sample.fields)
    return Table(
        where, {field: [sample.fields.get(field) for sample in samples] for field in fields}
    )
