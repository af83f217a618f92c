"""Small training runs and what they wrote."""

import csv

import torch

from pcr.train.config import TrainConfig
from pcr.train.processes import Processes

ARCH = "shufflenet_v2_x0_5"  # small: steps and checkpoints cost little
SMALL = ["-a", ARCH, "-b", "6", "-j", "1", "--image_size", "48", "--seed", "1", "--device", "cpu"]
ALONE = Processes(torch.device("cpu"))


def pcr_run(data, output, lr="0.02"):
    folders = [str(data / "pcr"), str(data / "val")]
    return ["--PCR_train", *SMALL, "--lr", lr, "--output_dir", str(output), *folders]


def rows(output):
    with (output / "train_data_0.csv").open(newline="") as file:
        return [
            (int(row["iteration"]), int(row["epoch"]), row["type"], float(row["value"]))
            for row in csv.DictReader(file)
        ]


def values(output, kind):
    return [value for _, _, name, value in rows(output) if name == kind]


def config(data, **changes):
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
    }
    return TrainConfig(**settings | changes)
