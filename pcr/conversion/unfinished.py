"""What an interrupted run left unfinished in an output directory: dropped without the dataset."""

from __future__ import annotations

from pcr.conversion.append import Base
from pcr.conversion.directory import remove_dataset, remove_temporaries
from pcr.conversion.journal import Journal
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, FormatError
from pcr.storage.store import Store


def check_no_unfinished_append(output: Store) -> None:
    """Raise DatasetError, naming both, where a finished dataset and an unfinished append lie."""
    if output.size(layout.INDEX_FILE) is None or not Journal(output).exists():
        return
    try:
        dataset = Dataset(output)
        if Journal(output).completed(dataset.records.entries):
            return
        what = f"a finished dataset of {len(dataset)} images in {len(dataset.records)} records"
    except FormatError:
        what = "a finished dataset, its index or the plan beside it damaged"
    raise DatasetError(
        f"{output.location}: holds {what} and an unfinished `append`: `append` and `restart` drop the "
        "unfinished `append` alone and begin it again, `force` and `restart` delete both"
    )


def drop_unfinished(output: Store, base: Base | None) -> None:
    """Remove the files of an unfinished conversion; the dataset ``base`` stays as it is.

    Raises DatasetError where they belong to an append and ``base`` is None.
    """
    if base is None:
        check_no_unfinished_append(output)
    remove_temporaries(output)
    if not Journal(output).exists() and not layout.shard_plans(output):
        return
    if base is None and output.size(layout.INDEX_FILE) is None:
        remove_dataset(output)
        return
    if base is not None:
        _remove_records(output, first=len(base.records))
    Journal(output).finish()  # last: without it, the rest would look like files of the dataset


def _remove_records(output: Store, first: int) -> None:
    for name in layout.dataset_files(output):
        number = layout.file_number(name)
        if number is not None and number >= first:
            output.delete(name)
