#!/usr/bin/env python3
"""Turn the flat ILSVRC2012 validation folder into an ImageFolder named by WordNet ids.

Layout: `ILSVRC2012_val_00000001.JPEG` … in one folder, and the first of these: the development
kit's `ILSVRC2012_validation_ground_truth.txt` (an ILSVRC2012_ID per line) with `meta.mat`
(ILSVRC2012_ID to WNID); `imagenet_2012_validation_synset_labels.txt` or `synset_labels.txt` (a WNID
per line); Kaggle's `LOC_val_solution.csv`. Line n belongs to image n. Source: the kit's readme.txt;
Russakovsky et al., IJCV 115 (2015).

The validation set is one set, so `--test_size` is 0 by default and all of it becomes val/; a larger
value splits it into train/ and val/.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from conversion import Sample, argument_parser, run
from published import (
    ConversionError,
    id_text,
    jpegs_by_stem,
    locate,
    read_lines,
    read_mat,
    read_table,
    require,
)

IMAGE_DIRECTORIES = ("ILSVRC2012_img_val", "ILSVRC/Data/CLS-LOC/val", "val", "validation", ".")
KITS = ("ILSVRC2012_devkit_t12/data/", "devkit/data/", "data/", "")
IDS = tuple(kit + "ILSVRC2012_validation_ground_truth.txt" for kit in KITS)
METAS = tuple(kit + "meta.mat" for kit in KITS)
SYNSETS = ("imagenet_2012_validation_synset_labels.txt", "synset_labels.txt")
PREFIX = "ILSVRC2012_val_"
KAGGLE = ("LOC_val_solution.csv",)


def read_samples(arguments: argparse.Namespace) -> Iterator[Sample]:
    """Yield a sample per validation image; the class is its WordNet id."""
    root = arguments.dataset_root
    truth = require(root, (*IDS, *SYNSETS, *KAGGLE))
    labels = _read_labels(truth, root)
    for name, wnid in labels.items():
        if not re.fullmatch(r"n\d{8}", wnid):
            raise ConversionError(f"{truth}: {name}: expected a WNID (n########), found {wnid!r}")
    directory = require(root, IMAGE_DIRECTORIES)
    found = jpegs_by_stem(directory)
    images = locate(found, list(labels), directory)
    surplus = sorted(stem for stem in found if stem not in labels and stem.startswith(PREFIX))
    if surplus:
        raise ConversionError(
            f"{truth}: labels {len(labels)} images, but not {surplus[0]}, "
            f"one of {len(surplus)} more in {directory}"
        )
    for wnid, image in zip(labels.values(), images, strict=True):
        yield Sample(wnid, image)


def _read_labels(truth: Path, root: Path) -> dict[str, str]:
    """Return the WNID of each image name (without suffix)."""
    if truth.suffix == ".csv":
        table = read_table(truth, ("ImageId", "PredictionString"))
        # "WNID x1 y1 x2 y2" once per box; all boxes of an image have its one class.
        wnids = [(text.split() or [""])[0] for text in table["PredictionString"]]
        return dict(zip(table["ImageId"], wnids, strict=True))
    lines = read_lines(truth)
    if truth.name == Path(IDS[0]).name:
        lines = _wnids(lines, truth, require(root, METAS))
    return {f"{PREFIX}{n:08d}": wnid for n, wnid in enumerate(lines, start=1)}


def _wnids(ids: list[str], truth: Path, meta: Path) -> list[str]:
    synsets = read_mat(meta, "synsets", fields=("ILSVRC2012_ID", "WNID"))
    by_id = {
        id_text(number): str(wnid)
        for number, wnid in zip(synsets["ILSVRC2012_ID"], synsets["WNID"], strict=True)
    }
    for line, number in enumerate(ids, start=1):
        if number not in by_id:
            raise ConversionError(f"{truth}: line {line}: {number!r}: not in {meta}")
    return [by_id[number] for number in ids]


def main(argv: Sequence[str] | None = None) -> int:
    """Convert the ILSVRC2012 validation set and return the exit code."""
    parser = argument_parser(
        "Turn the flat ILSVRC2012 validation folder into the ImageFolder val/.",
        default_test_size=0.0,
        whole="val",
    )
    return run(parser, read_samples, argv)


if __name__ == "__main__":
    sys.exit(main())
