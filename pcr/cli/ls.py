"""``pcr ls``: the datasets in a folder or bucket, or the records or images of a dataset."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import accumulate

from pcr.cli.json_output import add_json_flag, print_json
from pcr.cli.text import columns, counted, printable, short_size
from pcr.dataset import layout
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError
from pcr.storage.store import open_store
from pcr.tools.listing import ListedDataset, list_datasets, list_images

HELP = "List the datasets in a folder or bucket, or the records or images of a dataset."
_TITLES = ["dataset", "images", "records", "levels", "bytes"]
EPILOG = (
    "For a dataset: each record with its images and the bytes up to each level, which reading at "
    "that level takes; with --images, its images, in their order. For a folder or bucket: the "
    "datasets that lie directly in it."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        "location", help="directory or URL of a dataset, or of a folder of datasets"
    )
    parser.add_argument(
        "--images", action="store_true", help="list the images of a dataset, not its records"
    )
    how = parser.add_mutually_exclusive_group()
    add_json_flag(how)
    how.add_argument(
        "--plain",
        action="store_true",
        help="for programs: all numbers in full, columns separated by tabs, titles in the first line",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print one line for each record, image or dataset."""
    if arguments.json:
        print_json(_facts(arguments.location, arguments.images))
        return
    for line in _lines(arguments.location, arguments.images, arguments.plain):
        print(line)


def _lines(location: str, images: bool, plain: bool) -> Iterator[str]:
    if images:
        return _images(Dataset(location), plain)
    if _is_dataset(location):
        return _records(Dataset(location), plain)
    return _datasets(location, plain)


def _is_dataset(location: str) -> bool:
    return open_store(location).size(layout.INDEX_FILE) is not None


def _facts(location: str, images: bool) -> dict[str, object]:
    """What is listed, for JSON; of a dataset ``problem`` says why it could not be opened."""
    if not images and not _is_dataset(location):
        return {"datasets": [_dataset_facts(listed) for listed in _found(location)]}
    dataset = Dataset(location)
    listed = _image_facts(dataset) if images else _record_facts(dataset)
    return {"dataset": dataset.location, **listed}


def _image_facts(dataset: Dataset) -> dict[str, object]:
    titles = ["label", "class", "width", "height"]
    images = [
        {"name": image.name, **dict(zip(titles, numbers, strict=False)), "level_bytes": numbers[4:]}
        for label, image in list_images(dataset)
        for numbers in [_image_numbers(dataset, label, image)]
    ]
    return {"images": images}


def _record_facts(dataset: Dataset) -> dict[str, object]:
    records = [
        {"name": one.name, "images": one.images, "prefix_bytes": list(one.prefix_bytes[1:])}
        for one in dataset.records
    ]
    return {"records": records}


def _dataset_facts(listed: ListedDataset) -> dict[str, object]:
    numbers = dict(zip(_TITLES[1:], _numbers(listed), strict=True)) if listed.dataset else {}
    return {"name": listed.name, "problem": listed.problem, **numbers}


def _records(dataset: Dataset, plain: bool) -> Iterator[str]:
    rows = [(record.images, *record.prefix_bytes[1:]) for record in dataset.records]
    names = [record.name for record in dataset.records]
    if plain:
        yield "\t".join(["record", "images", *_plain_levels(dataset)])
        yield from (_plain(name, row) for name, row in zip(names, rows, strict=True))
        return
    yield _title(dataset)
    totals = [sum(column) for column in zip(*rows, strict=True)]
    yield from columns(
        [
            ["record", "images", *_levels(dataset)],
            *([name, *_short(row)] for name, row in zip(names, rows, strict=True)),
            ["all", *_short(totals)],
        ]
    )
    yield "1, 1-2, …: bytes of these levels of the record"


def _images(dataset: Dataset, plain: bool) -> Iterator[str]:
    found = list_images(dataset)
    if plain:
        yield "\t".join(["image", "label", "class", "width", "height", *_plain_levels(dataset)])
        yield from (
            _plain(image.name, _image_numbers(dataset, label, image)) for label, image in found
        )
        return
    yield _title(dataset)
    rows = ([printable(image.name), *_image_cells(dataset, label, image)] for label, image in found)
    yield from columns([["image", "class", "size", *_levels(dataset)], *rows])
    yield "1, 1-2, …: bytes of these levels of the image"


def _image_numbers(dataset: Dataset, label: int, image: ImageInfo) -> list[int | str]:
    name = printable(dataset.classes[label])
    return [label, name, image.width, image.height, *accumulate(image.level_bytes)]


def _image_cells(dataset: Dataset, label: int, image: ImageInfo) -> list[str]:
    size = f"{image.width}x{image.height}"
    levels = map(short_size, accumulate(image.level_bytes))
    return [printable(dataset.classes[label]), size, *levels]


def _title(dataset: Dataset) -> str:
    records = counted(len(dataset.records), "record")
    return f"{printable(dataset.location)}: {counted(len(dataset), 'image')} in {records}"


def _levels(dataset: Dataset) -> list[str]:
    return ["1", *(f"1-{level}" for level in range(2, dataset.levels + 1))]


def _plain_levels(dataset: Dataset) -> list[str]:
    return [f"bytes_{level}" for level in range(1, dataset.levels + 1)]


def _datasets(location: str, plain: bool) -> Iterator[str]:
    found = _found(location)
    if plain:
        yield "\t".join(_TITLES)
        yield from (_plain(listed.name, _numbers(listed)) for listed in found)
        return
    rows = [[printable(listed.name), *(_cells(listed))] for listed in found]
    yield from columns([_TITLES, *rows])


def _found(location: str) -> list[ListedDataset]:
    found = list(list_datasets(location))
    if not found:
        raise DatasetError(
            f"{open_store(location).location}: expected a dataset, or a folder with datasets in it, "
            "found neither"
        )
    return found


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
