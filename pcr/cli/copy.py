"""``pcr copy``: a dataset, or its first levels, to another place."""

from __future__ import annotations

import argparse

from pcr.cli.parser import positive
from pcr.cli.text import counted, printable
from pcr.storage.store import open_store
from pcr.tools.dataset_copy import CopySummary, copy

HELP = "Copy a dataset, or its first levels alone, between any two places: local or remote."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("source", metavar="SRC", help="directory or URL of a finished dataset")
    add("destination", metavar="DST", help="directory or URL (s3://, gs://, az://) to copy to")
    add(
        "--n_scans",
        type=int,
        metavar="K",
        help="make a dataset of levels 1 to K, and read no other bytes (default: all levels)",
    )
    add(
        "--force",
        action="store_true",
        help="replace another dataset, or what another run left unfinished, in DST; other files are "
        "kept",
    )
    add(
        "--concurrent_reads",
        type=positive,
        default=8,
        metavar="N",
        help="records to copy at once (default: %(default)s)",
    )
    add(
        "--no_read_back",
        dest="read_back",
        action="store_false",
        help="do not read each record again from DST to compare its checksum",
    )
    add("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> None:
    """Copy, then say how much."""
    try:
        summary = copy(
            arguments.source,
            arguments.destination,
            arguments.n_scans,
            force=arguments.force,
            read_back=arguments.read_back,
            concurrent_reads=arguments.concurrent_reads,
            progress=not arguments.quiet,
        )
    except KeyboardInterrupt as interrupt:
        what = interrupt.args[0] if interrupt.args else "interrupted"
        raise KeyboardInterrupt(
            f"{what}: run the same command again, without --force, to resume"
        ) from None
    print(_line(summary, open_store(arguments.destination).location))


def _line(summary: CopySummary, location: str) -> str:
    copied = summary.records - summary.kept_records
    return (
        f"{printable(location)}: {counted(summary.images, 'image')} in "
        f"{counted(summary.records, 'record')}, {counted(summary.levels, 'level')}, "
        f"{summary.dataset_bytes:,} bytes\n"
        f"  {counted(copied, 'record')} copied by reading {summary.copied_bytes:,} bytes"
        + f", {summary.kept_records:,} kept" * bool(summary.kept_records)
        + f", {counted(summary.retries, 'retry', 'retries')}" * bool(summary.retries)
    )
