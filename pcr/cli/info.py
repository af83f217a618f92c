"""``pcr info``: what a dataset holds and what its levels cost."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from pcr.cli.command import printable
from pcr.dataset.reader import Dataset

HELP = "Show a dataset's classes, images, records, ladder, and the bytes of its levels."
_CLASSES_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dataset", type=Path, help="directory of a finished dataset")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> None:
    """Print the facts, all of them from the index."""
    facts = describe(Dataset(arguments.dataset))
    if arguments.json:
        print(json.dumps(facts, indent=2))
    else:
        _print_facts(facts)


def describe(dataset: Dataset) -> dict[str, Any]:
    """The facts; bytes of a level are cumulative: what reading at that level takes."""
    info, images = dataset.info, max(len(dataset), 1)
    prefixes = np.array([r.prefix_bytes for r in dataset.records], np.int64).sum(axis=0)
    groups = np.array([r.entry.group_bytes for r in dataset.records], np.int64).sum(axis=0)
    reached = np.cumsum(groups[1:])
    return {
        "dataset": str(dataset.root),
        "images": len(dataset),
        "classes": len(info.classes),
        "class_names": list(info.classes),
        "records": len(dataset.records),
        "batch_size": info.images_per_record,
        "seed": info.seed,
        "copied_markers": info.copied_markers,
        "ladder": info.ladder_name,
        "ladder_text": info.ladder_text,
        "file_bytes": sum(record.file_bytes for record in dataset.records),
        "levels": [
            {
                "level": level,
                "group_bytes": int(groups[level]),
                "bytes": int(reached[level - 1]),
                "mean_bytes": float(reached[level - 1] / images),
                "prefix_bytes": int(prefixes[level]),
                "share": float(reached[level - 1] / reached[-1]),
            }
            for level in range(1, dataset.levels + 1)
        ],
    }


def _print_facts(facts: dict[str, Any]) -> None:
    names = facts["class_names"]
    more = f" and {len(names) - _CLASSES_SHOWN} more" if len(names) > _CLASSES_SHOWN else ""
    shown = ", ".join(names[:_CLASSES_SHOWN]) + more
    print(printable(facts["dataset"]))
    print(
        f"  images   {facts['images']:,} in {facts['records']:,} records of {facts['batch_size']:,}"
    )
    print(f"  classes  {facts['classes']:,}: {printable(shown)}")
    print(f"  ladder   {printable(facts['ladder'])}, {len(facts['levels'])} levels")
    print(f"  seed     {facts['seed']}")
    print(f"  markers  {printable(facts['copied_markers'])} copied")
    print(f"  bytes    {facts['file_bytes']:,}")
    print("  level     group bytes   bytes up to it     prefix bytes   mean bytes/image   share")
    for row in facts["levels"]:
        print(
            f"  {row['level']:>5}{row['group_bytes']:>16,}{row['bytes']:>17,}{row['prefix_bytes']:>17,}"
            f"{row['mean_bytes']:>19,.0f}{row['share']:>8.3f}"
        )
