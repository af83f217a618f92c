"""Each read of a dataset fails in turn: `python -m helpers.reading_faults DATASET OUT`."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from helpers.conversions import PCR, run
from helpers.faults import Faults


def bad_endings(faults: Faults, dataset: Path, words: tuple[object, ...]) -> tuple[int, list[str]]:
    """How many reads a command makes, and how it ended where not with a line that names the file.

    What `verify` finds damaged, or reads a second time, is its result.
    """
    found = []
    for number in itertools.count(1):
        with faults.failing("read", number, under=dataset) as fault:
            result = run(PCR, *words)
        if not fault.happened:
            return number - 1, found
        verified = words[0] == "verify" and ("FAILED" in result.stdout or result.returncode == 0)
        names_file = result.returncode == 1 and result.stderr.startswith(f"error: {dataset}/")
        if not verified and not (names_file and result.stderr.count("\n") == 1):
            found.append(f"{words[0]}, read {number}: {result.returncode} {result.stderr}")
    raise AssertionError


def main(dataset: Path, out: Path) -> None:
    faults = Faults.here()
    for words in (
        ("info", dataset),
        ("verify", dataset, "--quiet", "--num_workers", 1),
        ("show", dataset, "cat/000.jpg", "--levels", 1, "--force", "--out", out),
    ):
        reads, found = bad_endings(faults, dataset, words)
        print(f"{words[0]}: {'reads' if reads else 'none'}", *found, sep="\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
