"""Where a copy goes: what may be there, what is replaced, and the mark of an unfinished copy."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, FormatError
from pcr.storage.local import LocalStore, check_directory
from pcr.storage.location import join
from pcr.storage.store import Store

_HEADER_BYTES = 100


@dataclass(frozen=True)
class Identity:
    """What is copied; it lies at the destination until the copy is finished."""

    index_checksum: str
    levels: int

    @classmethod
    def of(cls, dataset: Dataset, levels: int) -> Identity:
        """Of a copy of the first levels of a dataset."""
        return cls(f"{dataset.info.index_checksum:016x}", levels)


def check_place(target: Store) -> None:
    """Raise DatasetError where nothing can be written because there is a file."""
    if isinstance(target, LocalStore):
        check_directory(target.root)


def begin_copy(
    target: Store, source: Dataset, identity: Identity, *, force: bool
) -> dict[str, int]:
    """Prepare the destination; the sizes of the dataset files that are there, by name.

    Raises DatasetError where there is anything but this copy, and ``force`` does not replace it.
    """
    present = {name: size for name, size in target.names("PCR") if layout.is_dataset_file(name)}
    found = {name: size for name, size in present.items() if not name.endswith(TEMPORARY_SUFFIX)}
    if force:
        _remove(target, present)
        found = {}
    elif layout.INDEX_FILE in found:
        _check_same_dataset(target, source, identity)
    elif layout.COPY_FILE in found:
        _check_same_copy(target, identity)
    elif found:
        raise DatasetError(
            f"{target.location}: holds {min(found)} but no {layout.INDEX_FILE}: "
            "use `force` to replace it, or choose another destination"
        )
    target.write(layout.COPY_FILE, json.dumps(asdict(identity)).encode() + b"\n")
    return found


def end_copy(target: Store) -> None:
    """Take the mark of an unfinished copy away."""
    target.delete(layout.COPY_FILE)


def is_same_place(one: Store, other: Store) -> bool:
    """Whether two stores are one."""
    if isinstance(one, LocalStore) and isinstance(other, LocalStore):
        # Not Path.resolve(), to which links in a circle are a RuntimeError.
        return os.path.realpath(one.root) == os.path.realpath(other.root)
    return one == other


def _check_same_dataset(target: Store, source: Dataset, identity: Identity) -> None:
    try:
        same = _is_copy(Dataset(target), source, identity.levels)
    except FormatError:
        same = False
    if not same:
        raise DatasetError(
            f"{target.location}: already holds another dataset, or one of other levels: use `force` to replace it"
        )


def _is_copy(found: Dataset, source: Dataset, levels: int) -> bool:
    """Whether a dataset has the levels 1 … ``levels`` of another one, and no others."""
    kept = slice(1, levels + 1)
    return (
        found.levels == levels
        and found.classes == source.classes
        and [record.entry.checksums[1:] for record in found.records]
        == [record.entry.checksums[kept] for record in source.records]
    )


def _check_same_copy(target: Store, identity: Identity) -> None:
    try:
        found = json.loads(target.read(layout.COPY_FILE))
    except ValueError:
        found = None
    if found != asdict(identity):
        raise DatasetError(
            f"{target.location}: holds an unfinished copy of another dataset, or of other levels: "
            "use `force` to replace it"
        )


def _remove(target: Store, found: Mapping[str, int]) -> None:
    """Remove the files of a dataset, the index first; DatasetError where it is not one of ours."""
    databases = [name for name in found if name.endswith(layout.DATABASE_SUFFIX)]
    if databases:
        first = layout.INDEX_FILE if layout.INDEX_FILE in found else min(databases)
        header = target.read(first, min(_HEADER_BYTES, found[first]))
        if layout.application_id(header) != layout.APPLICATION_ID:
            raise DatasetError(
                f"{join(target.location, first)}: expected a file of a PCR dataset, found another "
                "kind, which is never replaced: move it away, or choose another destination"
            )
    for name in sorted(found, key=lambda name: name != layout.INDEX_FILE):
        target.delete(name)
