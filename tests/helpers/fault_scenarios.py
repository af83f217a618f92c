"""The commands whose every call fails once: `python -m helpers.fault_scenarios NAME`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from helpers import jpegs
from helpers.conversions import CONVERTER, PCR, Command, Result, run
from helpers.fault_trials import Scenario, Trials
from helpers.faults import Faults
from pcr.dataset import layout

LADDER = "0 1 2: 0-0, 0, 0;\n# level 1\n"
OPTIONS = ("--quiet", "--num_workers", "1", "--batch_size", "2", "--ladder")


def images(folder: Path, classes: dict[str, int]) -> None:
    for class_name, count in classes.items():
        (folder / class_name).mkdir(parents=True)
        for number in range(count):
            data = jpegs.encode(jpegs.photo(120 + number, 100))
            (folder / class_name / f"{number}.jpg").write_bytes(data)


def command(program: Command, *words: str) -> Callable[[Path], Result]:
    """The command, its words in capitals being the folders of that name."""
    return lambda folder: run(
        program, *(folder / word.lower() if word.isupper() else word for word in words)
    )


CONVERT = (CONVERTER, "SOURCE", "OUT", *OPTIONS, "luma")


def source(folder: Path) -> None:
    images(folder / "source", {"cat": 2, "dog": 2})


def dataset(folder: Path) -> None:
    """A finished dataset whose source has further images."""
    source(folder)
    assert command(*CONVERT)(folder).returncode == 0
    images(folder / "source", {"ant": 2})


convert = command(*CONVERT)
append = command(*CONVERT, "--append")
SCENARIOS = {
    "convert": Scenario(source, convert, convert),
    "append": Scenario(dataset, append, append, kept=lambda n: n != f"out/{layout.INDEX_FILE}"),
    "export": Scenario(
        dataset,
        command(PCR, "export", "OUT", "EXPORTED", "--quiet"),
        command(PCR, "export", "OUT", "EXPORTED", "--quiet", "--force"),
    ),
}


def main(name: str) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        trials = Trials(SCENARIOS[name], Faults.here(), folder)
        trials.run()
    finally:
        shutil.rmtree(folder)
    print(*trials.violations, sep="\n")
    print(f"{trials.trials} trials, {len(trials.violations)} violations")


if __name__ == "__main__":
    main(*sys.argv[1:])
