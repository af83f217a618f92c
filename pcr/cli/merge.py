"""``pcr merge``: one dataset of the shards that many machines converted."""

from __future__ import annotations

import argparse
from pathlib import Path

from pcr.cli.convert import summary_lines
from pcr.cli.flags import add_num_workers
from pcr.conversion.merging import merge

HELP = "Check that all shards of a conversion are there, and write the index of their dataset."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("output_directory", type=Path, help="where the shards were converted to")
    add_num_workers(parser)


def run(arguments: argparse.Namespace) -> None:
    """Merge, and print what the dataset holds."""
    summary = merge(arguments.output_directory, num_workers=arguments.num_workers)
    print("\n".join(summary_lines(summary, arguments.output_directory)))
