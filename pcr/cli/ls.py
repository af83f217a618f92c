"""``pcr ls``: the datasets in a folder or bucket, or the records of a dataset."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from pcr.cli.text import columns, counted, printable, short_size
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError
from pcr.storage.store import open_store
from pcr.tools.listing import ListedDataset, list_datasets

HELP = "List the datasets in a folder or bucket, or the records of a dataset."
EPILOG = (
    "For a dataset: each record with its images and the bytes up to each level, which reading at "
    "that level takes. For a folder or bucket: the datasets that lie directly in it."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        "location", help="directory or URL of a dataset, or of a folder of datasets"
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="for programs: all numbers in full, columns separated by tabs, titles in the first line",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print one line for each record, or for each dataset."""
    location, plain = arguments.location, arguments.plain
    is_dataset = open_store(location).size(layout.INDEX_FILE) is not None
    for line in _records(Dataset(location), plain) if is_dataset else _datasets(location, plain):
        print(line)


def _records(dataset: Dataset, plain: bool) -> Iterator[str]:
    levels = range(1, dataset.levels + 1)
    rows = [(record.images, *record.prefix_bytes[1:]) for record in dataset.records]
    names = [record.name for record in dataset.records]
    if plain:
        yield "\t".join(["record", "images", *(f"bytes_{level}" for level in levels)])
        yield from (_plain(name, row) for name, row in zip(names, rows, strict=True))
        return
    records = counted(len(dataset.records), "record")
    yield f"{printable(dataset.location)}: {counted(len(dataset), 'image')} in {records}"
    totals = [sum(column) for column in zip(*rows, strict=True)]
    yield from columns(
        [
            ["record", "images", *(f"1-{level}" if level > 1 else "1" for level in levels)],
            *([name, *_short(row)] for name, row in zip(names, rows, strict=True)),
            ["all", *_short(totals)],
        ]
    )
    yield "1, 1-2, …: bytes of these levels of the record"


def _datasets(location: str, plain: bool) -> Iterator[str]:
    found = list(list_datasets(location))
    if not found:
        raise DatasetError(
            f"{open_store(location).location}: expected a dataset, or a folder with datasets in it, "
            "found neither"
        )
    titles = ["dataset", "images", "records", "levels", "bytes"]
    if plain:
        yield "\t".join(titles)
        yield from (_plain(listed.name, _numbers(listed)) for listed in found)
        return
    rows = [[printable(listed.name), *(_cells(listed))] for listed in found]
    yield from columns([titles, *rows])


def _numbers(listed: ListedDataset) -> Sequence[int | str]:
    if listed.dataset is None:
        return ["", "", "", listed.problem or ""]
    dataset = listed.dataset
    return [len(dataset), len(dataset.records), dataset.levels, dataset.file_bytes]


def _cells(listed: ListedDataset) -> list[str]:
    *counts, size = _numbers(listed)
    cells = [f"{count:,}" if isinstance(count, int) else count for count in counts]
    return [*cells, short_size(size) if isinstance(size, int) else size]


def _short(row: Sequence[int]) -> list[str]:
    """The number of images, and sizes."""
    images, *sizes = row
    return [f"{images:,}", *map(short_size, sizes)]


def _plain(name: str, row: Sequence[int | str]) -> str:
    return "\t".join([printable(name), *map(str, row)])
