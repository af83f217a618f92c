"""Small training runs and what they wrote."""

import csv
import signal

import pytest
import torch

from pcr.cli.command import main
from pcr.train.config import TrainConfig
from pcr.train.fidelity import Fidelity
from pcr.train.processes import Processes

ARCH = "shufflenet_v2_x0_5"  # small: steps and checkpoints cost little
SMALL = ["-a", ARCH, "-b", "6", "-j", "1", "--image_size", "48", "--seed", "1", "--device", "cpu"]
ALONE = Processes(torch.device("cpu"))


def train(*arguments):
    """The exit code of `pcr train`, run in this process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as ended:
            main("train", [*map(str, arguments)])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return ended.value.code


def refusal(capsys, code, *arguments):
    """The one line in which `pcr train` refuses its arguments."""
    capsys.readouterr()
    assert train(*arguments) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def pcr_run(data, output, lr="0.02"):
    """The arguments of a small run."""
    folders = [str(data / "pcr"), str(data / "val")]
    return [*SMALL, "--lr", lr, "--output_dir", str(output), *folders]


def rows(output, rank=0):
    """Iteration, epoch, type and value of each row of a metrics file."""
    with (output / f"train_data_{rank}.csv").open(newline="") as file:
        return [
            (int(row["iteration"]), int(row["epoch"]), row["type"], float(row["value"]))
            for row in csv.DictReader(file)
        ]


def values(output, kind, rank=0):
    """The values of one type in a metrics file."""
    return [value for _, _, name, value in rows(output, rank) if name == kind]


def config(data, n_scans="all", **changes):
    """The settings of a small run."""
    settings = {
        "train_dir": data / "pcr",
        "val_dir": data / "val",
        "arch": ARCH,
        "batch_size": 6,
        "workers": 1,
        "image_size": 48,
        "seed": 1,
        "pcr_train": True,
        "loader": "native",
        "fidelity": Fidelity.parse(n_scans),
    }
    return TrainConfig(**settings | changes)
