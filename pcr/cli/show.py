"""``pcr show``: what images of a dataset look like at each level, as one picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from pcr.profile import named_images
from pcr.reader import Dataset
from pcr.report import draw_images

HELP = "Draw images of a dataset at each level, with bytes and MS-SSIM."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dataset", type=Path, help="directory of a finished dataset")
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="name in the source folder: 'class/file'"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("levels.png"),
        metavar="FILE",
        help="(default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Draw the picture and say where it is."""
    draw_images(named_images(Dataset(arguments.dataset), arguments.images), arguments.out)
    print(arguments.out)
