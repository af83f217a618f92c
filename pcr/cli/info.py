"""``pcr info``: what a dataset contains, and the bytes of its levels."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from pcr.cli.json_output import add_json_flag, print_json
from pcr.cli.text import counted, level_table, name_list, printable
from pcr.dataset.reader import Dataset

HELP = "Show a dataset's classes, images, records, ladder, and the bytes of its levels."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dataset", help="directory or URL of a finished dataset")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the facts, all of them from the index."""
    facts = describe(Dataset(arguments.dataset))
    if arguments.json:
        print_json(facts)
    else:
        print("\n".join(_lines(facts)))


def describe(dataset: Dataset) -> dict[str, Any]:
    """The facts, ready for JSON; sizes in bytes. ``share`` is of the sources, None if unknown."""
    info = dataset.info
    return {
        "dataset": dataset.location,
        "images": len(dataset),
        "classes": list(info.classes),
        "records": len(dataset.records),
        "images_per_record": info.images_per_record,
        "seed": info.seed,
        "copied_markers": info.copied_markers,
        "restart_rows": info.restart_rows,
        "ladder": info.ladder_name,
        "ladder_text": info.ladder_text,
        "source_bytes": info.source_bytes or None,
        "file_bytes": dataset.file_bytes,
        "columns": list(_columns(dataset)),
        "levels": list(_levels(dataset)),
    }


def _columns(dataset: Dataset) -> Iterator[dict[str, Any]]:
    for index in dataset.records.column_indexes:
        yield {
            "name": index.name,
            "type": str(index.column.type),
            "beside": index.column.beside,
            "bytes": sum(index.value_bytes),
        }


def _levels(dataset: Dataset) -> Iterator[dict[str, Any]]:
    columns = (dataset.levels + 1,)  # entry 0 is the metadata's
    prefixes = sum((np.array(r.prefix_bytes) for r in dataset.records), np.zeros(columns, np.int64))
    groups = sum(
        (np.array(r.entry.group_bytes) for r in dataset.records), np.zeros(columns, np.int64)
    )
    reached = np.cumsum(groups[1:])
    for level in range(1, dataset.levels + 1):
        size, sources = int(reached[level - 1]), dataset.info.source_bytes
        yield {
            "level": level,
            "group_bytes": int(groups[level]),
            "bytes": size,
            "mean_bytes": size / max(len(dataset), 1),
            "prefix_bytes": int(prefixes[level]),
            "share": size / sources if sources else None,
        }


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    levels, classes = facts["levels"], facts["classes"]
    records = counted(facts["records"], "record")
    yield printable(facts["dataset"])
    yield (
        f"  images   {facts['images']:,} in {records} of up to {facts['images_per_record']:,} images"
    )
    yield f"  classes  {len(classes):,}: {name_list(classes, 60)}"
    yield f"  ladder   {printable(facts['ladder'])}, {counted(len(levels), 'level')}"
    yield f"  seed     {facts['seed']}"
    yield f"  markers  {printable(facts['copied_markers'])} copied{_restarts(facts['restart_rows'])}"
    yield f"  sources  {_size(facts['source_bytes'])}"
    yield f"  dataset  {_size(facts['file_bytes'])}"
    for number, column in enumerate(facts["columns"]):
        place = "beside" if column["beside"] else "in"
        yield (
            f"  {'' if number else 'columns':<7}  {column['name']}: {column['type']}, "
            f"{column['bytes']:,} bytes {place} the records"
        )
    further = {
        "prefix bytes": [f"{row['prefix_bytes']:,}" for row in levels],
        "mean bytes": [f"{row['mean_bytes']:,.0f}" for row in levels],
    }
    sizes = [row["group_bytes"] for row in levels]
    yield from level_table(sizes, facts["source_bytes"] or 0, further)


def _restarts(rows: int) -> str:
    if rows == 0:
        return ""
    return f", restart markers after each {'MCU row' if rows == 1 else f'{rows:,} MCU rows'}"


def _size(size: int | None) -> str:
    return "of unknown size (converted by an older version)" if size is None else f"{size:,} bytes"
