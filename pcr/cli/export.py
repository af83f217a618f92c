"""``pcr export``: a dataset back into an ImageFolder."""

from __future__ import annotations

import argparse
from pathlib import Path

from pcr.cli.text import counted, printable
from pcr.tools.image_export import export

HELP = "Write a dataset, or a level of it, back into an ImageFolder with the original names."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("dataset", type=Path, help="directory of a finished dataset")
    add("out", type=Path, metavar="OUT", help="folder to write to, new or empty")
    add("--n_scans", type=int, metavar="N", help="the level to write (default: all levels)")
    add(
        "--apply_orientation",
        action="store_true",
        help="rotate images as their EXIF orientation says; only these are re-encoded",
    )
    add(
        "--quality",
        type=int,
        default=95,
        metavar="Q",
        help="JPEG quality of rotated images (default: %(default)s)",
    )
    add("--force", action="store_true", help="replace files in a folder that is not empty")
    add("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> None:
    """Export, then say how much."""
    summary = export(
        arguments.dataset,
        arguments.out,
        arguments.n_scans,
        apply_orientation=arguments.apply_orientation,
        quality=arguments.quality,
        force=arguments.force,
        progress=not arguments.quiet,
    )
    renamed = f", {summary.renamed} of them with .jpg added to their names" * bool(summary.renamed)
    print(f"{printable(arguments.out)}: {counted(summary.images, 'image')}{renamed}")
