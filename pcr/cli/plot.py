"""``pcr plot``, ``scripts/plot_metrics.py``: draw the results of training runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from pcr.cli.parser import local
from pcr.errors import UsageError, printable
from pcr.storage.local import check_directory

HELP = (
    "Draw training runs: accuracy and loss by epoch, time and bytes read; speed, levels, waiting."
)
EPILOG = (
    "Runs with the same label count as seeds of one run: the curve is their mean, in a band from "
    "the lowest to the highest."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add(
        "csv",
        type=Path,
        nargs="+",
        metavar="CSV",
        help="one train_data_<rank>.csv per run, of this project or of the paper's released code",
    )
    add(
        "--out",
        type=local,
        default=Path(),
        metavar="DIR",
        help="where the pictures go (default: the current directory)",
    )
    add(
        "--labels",
        nargs="+",
        metavar="NAME",
        help="one per CSV, the same for seeds of one run (default: the name of the folder)",
    )
    add(
        "--format",
        choices=("png", "pdf", "svg"),
        default="png",
        help="format of the pictures (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Draw the runs, print a table and name the pictures."""
    paths, labels = arguments.csv, arguments.labels
    if labels and len(labels) != len(paths):
        raise UsageError(f"expected {len(paths)} names, one per CSV, found {len(labels)}", "labels")
    # They take seconds to import: not for --help.
    from pcr.train import history, plots

    check_directory(arguments.out)
    runs = history.read_runs(paths, labels or history.folder_labels(paths))
    arguments.out.mkdir(parents=True, exist_ok=True)
    pictures = plots.draw(runs, arguments.out, arguments.format)
    print(history.summary(runs))
    print("\nPictures:", *map(printable, pictures), sep="\n  ")
