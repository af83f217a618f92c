"""What columns cost where they are not asked for: bytes of prefixes, and the rate of loading.

Converts a folder of images twice, without columns and with a caption, boxes and a score for each
image, then loads both in turn. Ratios of rates, with columns to without, are medians over the rounds.

    python benchmarks/columns.py IMAGES EMPTY_FOLDER [--rounds 7]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pcr
from pcr.imagefolder import ImageFolder

LEVELS = (2, 5, 10)
PAGE_BYTES = 16384  # the largest that records of these sizes have


def write_datasets(images: Path, work: Path) -> tuple[pcr.Dataset, pcr.Dataset]:
    """The same images in the same order, without columns and with them."""
    folder, table = ImageFolder.scan(images), work / "table.jsonl"
    rows = [
        {
            "file_name": str(folder.path(sample).absolute()),
            "caption": f"photograph {number} of {len(folder.samples)}, of {sample.name}",
            "boxes": [[0.0, 0.0, 1.0 + box, 2.0] for box in range(number % 5)],
            "score": number / 7,
        }
        for number, sample in enumerate(folder.samples)
    ]
    table.write_text("\n".join(map(json.dumps, rows)))
    options = pcr.ConversionOptions(ladder=pcr.Ladder.load("standard"), images_per_record=256)
    types = {"boxes": "float32[?,4]"}
    typed = pcr.ConversionOptions(ladder=options.ladder, images_per_record=256, column_types=types)
    pcr.convert(images, work / "without", options)
    pcr.convert(table, work / "with", typed)
    return pcr.Dataset(work / "without"), pcr.Dataset(work / "with")


def print_bytes(without: pcr.Dataset, with_columns: pcr.Dataset) -> None:
    """How far the prefix of a level grew, beside the bytes of the columns."""
    values = sum(sum(index.value_bytes) for index in with_columns.records.column_indexes)
    pages = len(with_columns.columns) * len(with_columns.records) * PAGE_BYTES
    print(f"columns: {values} bytes in {len(with_columns.records)} records, a page each: {pages}")
    for level in LEVELS:
        before, after = (
            sum(record.prefix_bytes[level] for record in dataset.records)
            for dataset in (without, with_columns)
        )
        assert after - before <= values + pages
        print(f"level {level}: prefixes {before} bytes, with columns {after - before} more")


def seconds(dataset: pcr.Dataset, level: int) -> tuple[float, float]:
    """Of one epoch: elapsed, and of CPU time."""
    loader = pcr.Loader(dataset, 64, level, output="numpy")
    begun, cpu_begun = time.perf_counter(), time.process_time()
    count = sum(len(labels) for _, labels in loader)
    assert count == len(dataset)
    return time.perf_counter() - begun, time.process_time() - cpu_begun


def main() -> None:
    """Convert, compare bytes, compare rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    datasets = write_datasets(arguments.images, arguments.work)
    print_bytes(*datasets)
    for level in LEVELS:
        rounds = [_round(datasets, level, number) for number in range(arguments.rounds)]
        for kind, name in enumerate(("elapsed", "CPU")):
            rate = len(datasets[0]) / median(plain[kind] for plain, _ in rounds)
            ratio = median(plain[kind] / columns[kind] for plain, columns in rounds)
            print(f"level {level}: {rate:.0f} images per {name} second, ratio {ratio:.3f}")


def _round(datasets: Sequence[pcr.Dataset], level: int, number: int) -> list[tuple[float, float]]:
    """Both, the other one first in every second round."""
    order = (0, 1) if number % 2 else (1, 0)
    times = {place: seconds(datasets[place], level) for place in order}
    return [times[0], times[1]]


if __name__ == "__main__":
    main()
