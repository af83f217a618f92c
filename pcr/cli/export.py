"""``pcr export``: a dataset back into an ImageFolder, or into tar shards of WebDataset."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import get_args

from pcr.cli.parser import local
from pcr.cli.text import counted, printable
from pcr.tools.export_formats import METADATA_FILE
from pcr.tools.image_export import ExportFormat, ExportSummary, export

HELP = (
    "Write a dataset, or a level of it, back into an ImageFolder or into tar shards of WebDataset."
)
_MOST_LISTED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("dataset", help="directory or URL of a finished dataset")
    add("out", type=local, metavar="OUT", help="folder to write to, new or empty")
    add("--n_scans", type=int, metavar="N", help="the level to write (default: all levels)")
    add(
        "--format",
        choices=get_args(ExportFormat),
        default="imagefolder",
        help=f"a folder per class, with columns in {METADATA_FILE}; or a tar file per record "
        "(default: %(default)s)",
    )
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
        format=arguments.format,
        apply_orientation=arguments.apply_orientation,
        quality=arguments.quality,
        force=arguments.force,
        progress=not arguments.quiet,
    )
    print("\n".join(_lines(summary, arguments.out)))


def _lines(summary: ExportSummary, out: Path) -> Iterator[str]:
    """How many images there are, and which have other names; of many of these, the first ones."""
    renamed = summary.renamed
    yield f"{printable(out)}: {counted(summary.images, 'image')}" + (
        f", {len(renamed):,} of them under another name:" * bool(renamed)
    )
    for name, file in islice(renamed.items(), _MOST_LISTED):
        yield f"  {printable(name)} is {printable(file)}"
    if len(renamed) > _MOST_LISTED:
        yield f"  and {len(renamed) - _MOST_LISTED:,} more"
