"""``pcr verify``: check that a dataset is intact."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from pcr.cli.command import EXIT_FAILURE, EXIT_OK
from pcr.cli.flags import add_worker_flags
from pcr.cli.json_output import add_json_flag, print_json
from pcr.cli.text import counted, printable
from pcr.dataset.reader import Dataset
from pcr.errors import FormatError
from pcr.progress import progress_bar
from pcr.storage.counters import Counters
from pcr.storage.location import is_remote
from pcr.storage.store import Store, open_store
from pcr.tools.verification import Verdict, verify

HELP = "Check every byte, count, label, name and JPEG of a dataset; exit code 1 if one is wrong."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dataset", help="directory or URL of a finished dataset")
    parser.add_argument("--decode", action="store_true", help="also decode every image")
    add_worker_flags(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line per file: OK, or FAILED and why; of a remote dataset what was asked for."""
    files, failures = 0, list[Verdict]()
    store = open_store(arguments.dataset)
    dataset = _open(store)
    verdicts = verify(dataset or store, decode=arguments.decode, num_workers=arguments.num_workers)
    with progress_bar(
        desc="Verifying",
        total=_files(dataset) if dataset else None,
        unit=" files",
        disable=arguments.quiet,
    ) as bar:
        for verdict in verdicts:
            files += 1
            failures += [verdict] if verdict.failure else []
            if not arguments.json:
                bar.write(_line(verdict))
            bar.update()
    if arguments.json:
        print_json(
            {"dataset": store.location, "files": files, "failures": list(map(asdict, failures))}
        )
    elif failures:
        print(f"{len(failures)} of {counted(files, 'file')} FAILED")
    if not arguments.json and is_remote(arguments.dataset):
        print(_counted(store.counters))
    return EXIT_FAILURE if failures else EXIT_OK


def _line(verdict: Verdict) -> str:
    what = f"FAILED ({verdict.failure})" if verdict.failure else "OK"
    return printable(f"{verdict.file} {what}")


def _open(store: Store) -> Dataset | None:
    try:
        return Dataset(store)
    except FormatError:
        return None  # which is what verifying finds


def _files(dataset: Dataset) -> int:
    """How many files a dataset has: the index, and each record with the columns beside it."""
    beside = sum(column.beside for column in dataset.columns.values())
    return 1 + len(dataset.records) * (1 + beside)


def _counted(counters: Counters) -> str:
    requests, retries = counters.requests, counters.retries
    return (
        f"{counted(requests, 'request')}, {counted(retries, 'retry', 'retries')}, "
        f"{counters.bytes_read:,} bytes read"
    )
