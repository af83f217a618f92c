#!/usr/bin/env python3
"""Turn Stanford Cars (196 models of cars) into ImageFolders.

Layout: `devkit/cars_meta.mat` (class names), `devkit/cars_train_annos.mat` (class and file of each
image), images in `cars_train/`; for `--official_split` also `cars_test_annos_withlabels.mat` and
`cars_test/`. Kaggle's copies nest them as `car_devkit/devkit/` and `cars_train/cars_train/`.
Source: Krause et al., 3dRR-13 (2013); the devkit's README.txt describes the fields.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from conversion import Sample, argument_parser, run
from published import (
    ConversionError,
    first_existing,
    id_text,
    jpegs_by_stem,
    locate,
    read_mat,
    require,
)

DEVKITS = ("devkit/", "car_devkit/devkit/", "")
TEST_ANNOTATIONS = "cars_test_annos_withlabels.mat"


def read_samples(arguments: argparse.Namespace) -> Iterator[Sample]:
    """Yield a sample per annotated image; class ids in the annotations count from 1."""
    root = arguments.dataset_root
    class_names = [str(name) for name in read_mat(_in_devkit(root, "cars_meta.mat"), "class_names")]
    train = _in_devkit(root, "cars_train_annos.mat")
    if arguments.official_split:
        yield from _annotated(train, root / "cars_train", class_names, False)
        test = _in_devkit(root, TEST_ANNOTATIONS)
        yield from _annotated(test, root / "cars_test", class_names, True)
    else:
        if first_existing(root, [devkit + TEST_ANNOTATIONS for devkit in DEVKITS]):
            print(f"note: {TEST_ANNOTATIONS} is not used without --official_split", file=sys.stderr)
        yield from _annotated(train, root / "cars_train", class_names, None)


def _in_devkit(root: Path, name: str) -> Path:
    return require(root, [devkit + name for devkit in DEVKITS])


def _annotated(
    annotations: Path, directory: Path, class_names: list[str], held_out: bool | None
) -> Iterator[Sample]:
    rows = read_mat(annotations, "annotations", fields=("class", "fname"))
    images = locate(
        jpegs_by_stem(directory, recursive=True), [str(name) for name in rows["fname"]], directory
    )
    by_id = {str(number): name for number, name in enumerate(class_names, start=1)}
    for class_id, image in zip(map(id_text, rows["class"]), images, strict=True):
        if class_id not in by_id:
            raise ConversionError(
                f"{annotations}: {image.name} has class {class_id}, expected 1 to {len(by_id)}"
            )
        yield Sample(by_id[class_id], image, held_out=held_out)


def main(argv: Sequence[str] | None = None) -> int:
    """Convert Stanford Cars and return the exit code."""
    parser = argument_parser("Turn Stanford Cars into train/ and val/ ImageFolders.")
    parser.add_argument(
        "--official_split",
        action="store_true",
        help="cars_train becomes train/, and cars_test is held out (--test_size and --seed have no "
        "effect)",
    )
    return run(parser, read_samples, argv)


if __name__ == "__main__":
    sys.exit(main())
