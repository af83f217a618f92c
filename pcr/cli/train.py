"""``pcr train``, ``dali_main.py``: train a classifier on a PCR dataset or an ImageFolder."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields

from pcr.cli.parser import Parser
from pcr.cli.train_flags import add_flags
from pcr.errors import UsageError, printable
from pcr.storage.location import join
from pcr.train.class_groups import ClassGroups
from pcr.train.config import TrainConfig
from pcr.train.epoch_schedule import EpochSchedule
from pcr.train.fidelity import Fidelity

HELP = "Train and validate a classifier on PCR datasets, local or at URLs, or ImageFolders."
EPILOG = (
    "Metrics go to train_data_<rank>.csv, checkpoints to checkpoint.pth.tar and "
    "model_best.pth.tar. A run that a signal stopped exits with 128 plus the signal's number. "
    "docs/reference/trainer.md says more."
)


def add_arguments(parser: Parser) -> None:
    """Declare the locations and the flags."""
    parser.argument_default = argparse.SUPPRESS  # TrainConfig has the defaults
    parser.set_defaults(wording=parser.in_flags)
    parser.epilog = EPILOG
    parser.add_argument(
        "data",
        nargs="+",
        metavar="LOCATION",
        help="training data and validation data, each a PCR dataset (a directory with PCR.db, or a "
        "URL) or an ImageFolder; a single one means train and val in it",
    )
    add_flags(parser)


def run(arguments: argparse.Namespace) -> int | None:
    """Train; 128 + the signal's number where one ended the run."""
    config = make_config(arguments)
    # torch takes seconds to import: only for a run that can begin.
    from pcr.train import engine
    from pcr.train.stop import Stopped

    try:
        engine.run(config, arguments.wording)
    except Stopped as stopped:
        print(printable(arguments.wording(str(stopped))), file=sys.stderr)
        return 128 + stopped.number
    return None


def make_config(arguments: argparse.Namespace) -> TrainConfig:
    """The settings that the flags describe."""
    given = vars(arguments)
    known = {field.name for field in fields(TrainConfig)}
    settings = {name: value for name, value in given.items() if name in known}
    if "n_scans" in given:
        settings["fidelity"] = Fidelity.parse(given["n_scans"])
    if "image_size" in given:
        expected = "a number of pixels, or a schedule such as 0:128,60:224"
        settings["image_size"] = EpochSchedule.parse(given["image_size"], "image_size", expected)
    if "merge_classes" in given:
        settings["class_groups"] = ClassGroups.read(given["merge_classes"])
    return TrainConfig(*_locations(given["data"]), **settings)


def _locations(data: list[str]) -> tuple[str, str]:
    if len(data) > 2:
        raise UsageError(f"expected training and validation data, found {len(data)} locations")
    return (data[0], data[1]) if len(data) == 2 else (join(data[0], "train"), join(data[0], "val"))


if __name__ == "__main__":
    from pcr.cli.command import main

    main("train")
