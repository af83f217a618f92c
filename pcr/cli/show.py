"""``pcr show``: what images of a dataset look like at each level, as one picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from pcr.cli.command import refuse_existing
from pcr.cli.parser import local
from pcr.cli.text import printable
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError

HELP = "Draw images of a dataset at each level, with their bytes and MS-SSIM."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dataset", help="directory or URL of a finished dataset")
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="image name in the source folder: 'class/file'"
    )
    parser.add_argument(
        "--levels",
        dest="n_scans",
        type=int,
        nargs="+",
        metavar="N",
        help="only these levels (default: all)",
    )
    parser.add_argument(
        "--out",
        type=local,
        default=Path("levels.png"),
        metavar="FILE",
        help="picture to write: PNG, JPEG, WebP, PDF or SVG (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="replace the picture if it exists")


def run(arguments: argparse.Namespace) -> None:
    """Draw the picture and say where it is."""
    from pcr.tools.pictures import PICTURE_SUFFIXES, draw_images  # pandas takes a second
    from pcr.tools.samples import named_images

    if arguments.out.suffix.lower() not in PICTURE_SUFFIXES:
        kinds = ", ".join(PICTURE_SUFFIXES)
        raise UsageError(f"expected a file name with {kinds}, found {arguments.out}", "out")
    refuse_existing(arguments.out, arguments.force)
    dataset = Dataset(arguments.dataset)
    levels = [dataset.check_level(level) for level in arguments.n_scans or _all(dataset)]
    draw_images(named_images(dataset, arguments.images), levels, arguments.out)
    print(printable(arguments.out))


def _all(dataset: Dataset) -> range:
    return range(1, dataset.levels + 1)
