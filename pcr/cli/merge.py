"""``pcr merge``: one dataset of the shards that many machines converted."""

from __future__ import annotations

import argparse

from pcr.cli.convert import summary_lines
from pcr.cli.flags import add_num_workers
from pcr.conversion.merging import merge
from pcr.storage.store import open_store

HELP = "Check that all shards of a conversion are there, and write the index of their dataset."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "output_directory", help="directory or URL that the shards were converted to"
    )
    add_num_workers(parser)


def run(arguments: argparse.Namespace) -> None:
    """Merge, and print what the dataset holds."""
    output = arguments.output_directory
    summary = merge(output, num_workers=arguments.num_workers)
    print("\n".join(summary_lines(summary, open_store(output))))
