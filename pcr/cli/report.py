"""``pcr report``: one web page on a dataset, or on training runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from pcr.cli.command import refuse_existing
from pcr.cli.measuring import add_measuring_flags, check_measuring_flags, load_network
from pcr.cli.parser import local, positive
from pcr.cli.text import printable
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.storage.location import is_remote

HELP = "Write a web page on a dataset and its levels, or on training runs."
EPILOG = "The page is one file: it needs no other and no network. Print it from the browser."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add(
        "subject",
        nargs="+",
        metavar="DATASET | RUN",
        help="directory or URL of a dataset, or folders or train_data_<rank>.csv of training runs",
    )
    add(
        "-o",
        "--out",
        type=local,
        default=Path("report.html"),
        metavar="FILE",
        help="page to write (default: %(default)s)",
    )
    add(
        "--labels",
        nargs="+",
        metavar="NAME",
        help="one per run, the same for seeds of one run (default: the name of the folder)",
    )
    add(
        "--images_per_class",
        type=positive,
        default=3,
        metavar="N",
        help="images in the gallery (default: %(default)s)",
    )
    add_measuring_flags(parser)
    add("--force", action="store_true", help="replace the page if it exists")
    add("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> None:
    """Write the page and say where it is."""
    check_measuring_flags(arguments)
    refuse_existing(arguments.out, arguments.force)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    from pcr.report.run_report import metrics_files  # pandas takes a second

    files = [metrics_files(Path(name)) for name in arguments.subject if not is_remote(name)]
    if len(files) == len(arguments.subject) and all(files):
        _report_runs(arguments, [file for found in files for file in found])
    elif len(arguments.subject) == 1:
        _report_dataset(arguments)
    else:
        raise UsageError(f"expected one dataset or runs, found {' '.join(arguments.subject)}")
    print(printable(arguments.out))


def _report_runs(arguments: argparse.Namespace, files: list[Path]) -> None:
    from pcr.report.run_report import report_runs

    if arguments.labels and len(arguments.labels) != len(files):
        found = len(arguments.labels)
        raise UsageError(f"expected {len(files)} names, one per run, found {found}", "labels")
    report_runs(files, arguments.out, arguments.labels)


def _report_dataset(arguments: argparse.Namespace) -> None:
    from pcr.report.dataset_report import report_dataset

    report_dataset(
        Dataset(arguments.subject[0]),
        arguments.out,
        sample=arguments.sample,
        images_per_class=arguments.images_per_class,
        threshold=arguments.threshold,
        most_kl=arguments.kl,
        predict=load_network(arguments.model),
        seed=arguments.seed,
        progress=not arguments.quiet,
    )
