"""The place that a conversion writes to: whose files it holds, and its limits."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.conversion.sources.opening import is_folder
from pcr.conversion.sources.own_samples import Samples
from pcr.dataset import layout
from pcr.dataset.release import refuse_release
from pcr.errors import DatasetError, UsageError
from pcr.storage.local import LocalStore, check_directory
from pcr.storage.location import Location, is_location, join
from pcr.storage.store import Store, open_store

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_places(source: Location | Samples, output: Store) -> None:
    """Raise DatasetError or UsageError unless ``output`` may hold a dataset of ``source``."""
    if is_location(source) and is_folder(source):
        _check_folder(open_store(source), output)
    if not isinstance(output, LocalStore):
        return
    check_directory(output.root)
    refuse_release(output.root, "choose another output directory")


def _check_folder(images: Store, output: Store) -> None:
    if isinstance(images, LocalStore):
        refuse_release(images.root, "convert the folder of images that it was made from")
    if images.can_list and images.size(layout.INDEX_FILE) is not None:
        raise DatasetError(f"{images.location}: expected a folder of images, found a PCR dataset")
    if _is_inside(output, images):
        raise UsageError(
            f"{output.location}: expected an output directory outside the input {images.location}"
        )


def _is_inside(output: Store, images: Store) -> bool:
    if isinstance(output, LocalStore) and isinstance(images, LocalStore):
        # Not Path.resolve(), to which links in a circle are a RuntimeError.
        inner, outer = os.path.realpath(output.root), os.path.realpath(images.root)
        return Path(inner).is_relative_to(outer)
    return f"{output.location}/".startswith(f"{images.location}/")


def check_no_dataset(output: Store) -> None:
    """Raise DatasetError where a conversion would replace files."""
    if layout.shard_plans(output):
        raise DatasetError(
            f"{output.location}: holds shards of an unfinished conversion: convert the rest with "
            f"`shard` and run pcr merge {output.location}, or use `restart` to drop them and start "
            "over"
        )
    files = layout.dataset_files(output)
    found = {name: size for name, size in files.items() if not is_temporary(name)}
    if found:
        _check_ours(output, found)
        first = next(iter(found))
        what = "a dataset" if first == layout.INDEX_FILE else f"{first} but no index"
        raise DatasetError(
            f"{output.location}: already holds {what}: use `force` to replace it, "
            "or `append` to add to it"
        )


def remove_dataset(output: Store) -> None:
    """Remove the files of a dataset; none, and DatasetError, where one of them is not ours."""
    files = layout.dataset_files(output)
    _check_ours(output, files)
    for name in files:
        output.delete(name)


def remove_temporaries(output: Store, records: Container[int | None] | None = None) -> None:
    """Remove what a killed conversion was writing; with ``records`` of these records alone."""
    if not isinstance(output, LocalStore):
        return  # what a store takes is whole or not there
    for name in filter(is_temporary, layout.dataset_files(output)):
        number = layout.file_number(name.removesuffix(TEMPORARY_SUFFIX))
        if records is None or number in records:
            output.delete(name)


def is_temporary(name: str) -> bool:
    """Whether a file is being written, or was when a conversion was killed."""
    return name.endswith(TEMPORARY_SUFFIX)


def _check_ours(output: Store, files: Mapping[str, int]) -> None:
    """A database under one of our names need not be ours; the other names are our own."""
    for name, size in files.items():
        if name.endswith(layout.DATABASE_SUFFIX) and not layout.is_ours(output, name, size):
            raise DatasetError(
                f"{join(output.location, name)}: expected a file of a PCR dataset, found another kind, which is never "
                "replaced: move it away, or choose another output directory"
            )


@contextmanager
def explained_limits(output: Store) -> Iterator[None]:
    """Turn the error of a full disk, of memory or of threads into what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _limit(_scratch(output), str(error.strerror), "free some space") from None
    except MemoryError:
        raise out_of_memory(output.location) from None
    except RuntimeError as error:
        if str(error) != "can't start new thread":
            raise
        raise _limit(
            output.location, "no more threads can be started", "give fewer `num_workers`"
        ) from None


def out_of_memory(path: str) -> DatasetError:
    """What to do where the memory was not enough for this file or directory."""
    return _limit(path, "out of memory", "free some, or give fewer `num_workers`,")


def _limit(path: str, found: str, remedy: str) -> DatasetError:
    return DatasetError(
        f"{path}: {found}: {remedy} and convert again, without `force` or `restart`, to resume "
        "after the last complete record"
    )


def _scratch(output: Store) -> str:
    """Where records are written: in place, or where they wait for their upload."""
    if isinstance(output, LocalStore):
        return output.location
    return f"{tempfile.gettempdir()} (TMPDIR), where records for {output.location} wait"
