#!/usr/bin/env python3
"""Turn HAM10000 (skin lesions, seven diagnoses) into ImageFolders.

Layout: `HAM10000_metadata.csv` (Kaggle) or `HAM10000_metadata[.tab]` (Harvard Dataverse) with the
columns lesion_id, image_id, dx; images `<image_id>.jpg` anywhere below the root, usually in
`HAM10000_images_part_1/` and `HAM10000_images_part_2/`. Source: Tschandl et al., Scientific Data 5
(2018), doi:10.7910/DVN/DBW86T.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from conversion import Sample, argument_parser, run
from published import ConversionError, jpegs_by_stem, locate, read_lines, read_table, require

METADATA = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")


def read_samples(arguments: argparse.Namespace) -> Iterator[Sample]:
    """Yield a sample per row of the metadata; its group is the lesion that it shows."""
    path = require(arguments.dataset_root, METADATA)
    header = (read_lines(path) or [""])[0]
    separator = "\t" if "\t" in header else ","
    table = read_table(path, ("lesion_id", "image_id", "dx"), sep=separator)
    for column in ("lesion_id", "image_id", "dx"):
        if (table[column] == "").any():
            raise ConversionError(f"{path}: a row has no {column}")
    if table["image_id"].duplicated().any():
        twice = table["image_id"][table["image_id"].duplicated()].iloc[0]
        raise ConversionError(f"{path}: image_id {twice} is listed twice")
    found = jpegs_by_stem(arguments.dataset_root, recursive=True)
    images = locate(found, list(table["image_id"]), arguments.dataset_root)
    by_lesion = arguments.split_by == "lesion"
    for lesion, diagnosis, image in zip(table["lesion_id"], table["dx"], images, strict=True):
        yield Sample(diagnosis, image, group=lesion if by_lesion else None)


def main(argv: Sequence[str] | None = None) -> int:
    """Convert HAM10000 and return the exit code."""
    parser = argument_parser("Turn HAM10000 into train/ and val/ ImageFolders.")
    parser.add_argument(
        "--split_by",
        choices=("lesion", "image"),
        default="lesion",
        help="lesion (default): all images of a lesion go to one folder; image: a lesion can be in "
        "both, as in the paper's release",
    )
    return run(parser, read_samples, argv)


if __name__ == "__main__":
    sys.exit(main())
