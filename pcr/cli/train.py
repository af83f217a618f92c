"""``dali_main.py``: train a classifier from PCR or from an ImageFolder, and validate it on an ImageFolder."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pcr.cli.command import how_to_set_up
from pcr.errors import PCRError, UsageError


def build_parser() -> argparse.ArgumentParser:
    """The command's flags; those of the paper's program keep its names."""
    parser = argparse.ArgumentParser(
        prog="dali_main.py",
        description="Train a classifier on a PCR dataset or an ImageFolder. Metrics go to "
        "train_data_<rank>.csv, checkpoints to checkpoint.pth.tar and model_best.pth.tar.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument(
        "data",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="training data and validation data; one folder stands for its subfolders train and val",
    )
    _add_data_flags(parser.add_argument_group("data"))
    _add_model_flags(parser.add_argument_group("model and optimizer"))
    _add_run_flags(parser.add_argument_group("run"))
    return parser


def _add_data_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--PCR_train",
        dest="pcr_train",
        action="store_true",
        help="the training data is a PCR dataset (without: an ImageFolder)",
    )
    group.add_argument(
        "--n_scans",
        metavar="N|auto|SCHEDULE",
        help="levels of the PCR dataset to read, its fidelity: a number, a schedule by epoch such as "
        "0:2,30:5,60:10, or auto, which compares gradients (default: all)",
    )
    group.add_argument(
        "--autotune-start", type=int, metavar="N", help="auto: first choose before this epoch (5)"
    )
    group.add_argument(
        "--autotune-freq",
        type=int,
        metavar="N",
        help="auto: choose anew after this many epochs (15)",
    )
    group.add_argument(
        "--autotune-batches", type=int, metavar="N", help="auto: batches to compare (10)"
    )
    group.add_argument(
        "--autotune-threshold",
        type=float,
        metavar="S",
        help="auto: take the lowest level whose gradients are more alike than this, a cosine (0.9)",
    )
    group.add_argument(
        "-b",
        "--batch-size",
        "--b",
        type=int,
        metavar="N",
        help="images per batch and process (256)",
    )
    group.add_argument("-j", "--workers", type=int, metavar="N", help="decoding threads (4)")
    group.add_argument(
        "--loader",
        choices=("native", "dali", "auto"),
        help="what decodes and crops: this project's own loader, NVIDIA DALI, or DALI on a GPU and "
        "else the own one (auto)",
    )
    group.add_argument(
        "--dali_cpu",
        action="store_true",
        help="let DALI decode and crop on the CPU even where there is a GPU",
    )
    group.add_argument(
        "--image_size",
        type=int,
        metavar="N",
        help="edge of the images that the model sees, in pixels (224; inception_v3: 299)",
    )
    group.add_argument(
        "--num_classes",
        type=int,
        metavar="N",
        help="outputs of the model (default: the data's classes)",
    )


def _add_model_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-a", "--arch", metavar="NAME", help="a torchvision classifier (resnet18)")
    group.add_argument(
        "--pretrained", action="store_true", help="start from torchvision's weights (a download)"
    )
    group.add_argument("--epochs", type=int, metavar="N", help="epochs to train in all (90)")
    group.add_argument("--start-epoch", type=int, metavar="N", help="count epochs from here (0)")
    group.add_argument(
        "--lr",
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="learning rate after warm-up, used as given whatever the batch size (0.1)",
    )
    group.add_argument("--momentum", type=float, metavar="M", help="momentum of SGD (0.9)")
    group.add_argument(
        "--weight-decay", "--wd", type=float, metavar="W", help="weight decay of SGD (1e-4)"
    )
    _add_precision_flags(group)


def _add_precision_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fp16", action="store_true", help="mixed precision: float16 where it is safe (GPU only)"
    )
    group.add_argument("--bf16", action="store_true", help="mixed precision with bfloat16")
    group.add_argument(
        "--opt-level",
        choices=("O0", "O1", "O2", "O3"),
        help="Apex's names: O0 float32, O1 (--fp16) and O2 mixed, O3 all float16",
    )
    group.add_argument(
        "--amp-backend",
        choices=("torch", "apex"),
        help="what does the mixed precision: torch.amp, or an installed Apex that has apex.amp (torch)",
    )
    group.add_argument(
        "--channels-last", action="store_true", help="keep weights and images in NHWC order"
    )
    group.add_argument("--compile", action="store_true", help="compile the model (torch.compile)")
    group.add_argument(
        "--static-loss-scale",
        type=float,
        metavar="SCALE",
        help="with --fp16: scale the loss by this constant (default: a dynamic scale)",
    )
    group.add_argument(
        "--dynamic-loss-scale",
        action="store_true",
        help="with --fp16: adapt the scale to overflows, whatever --static-loss-scale says",
    )


def _add_run_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--device", choices=("auto", "cuda", "cpu"), help="what to train on (auto)")
    group.add_argument(
        "--output_dir", type=Path, metavar="DIR", help="where metrics and checkpoints go (.)"
    )
    group.add_argument(
        "--tensorboard",
        type=Path,
        metavar="DIR",
        help="write the metrics for TensorBoard too, into this folder",
    )
    group.add_argument(
        "--resume",
        type=Path,
        metavar="auto|PATH",
        help="go on from this checkpoint, or from the last one in the output folder if there is one",
    )
    group.add_argument(
        "--checkpoint-every",
        type=int,
        metavar="N",
        help="save after every N iterations too (default: after each epoch, and when stopped by a signal)",
    )
    group.add_argument(
        "-e",
        "--evaluate",
        action="store_true",
        help="only validate (with --resume or --pretrained)",
    )
    group.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="of weights, order and augmentation (default: a new one)",
    )
    group.add_argument(
        "-p",
        "--print-freq",
        type=int,
        metavar="N",
        help="batches between updates of the progress line (10)",
    )
    group.add_argument(
        "--prof", action="store_true", help="stop after 10 iterations, to be run under a profiler"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code: 0, 1 for bad input, 2 for wrong usage, 128 + the signal that stopped it."""
    arguments = vars(build_parser().parse_args(argv))
    try:
        train_dir, val_dir = _directories(arguments.pop("data"))
        from pcr.train.config import TrainConfig

        config = TrainConfig(train_dir, val_dir, **arguments)
        # torch takes seconds: only for a run that is worth it
        from pcr.train import engine
        from pcr.train.stop import Stopped

        try:
            engine.run(config)
        except Stopped as stopped:
            print(f"dali_main.py: {stopped}", file=sys.stderr)
            return 128 + stopped.number
    except PCRError as error:
        print(f"dali_main.py: error: {_rank()}{error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except ImportError as error:
        print(f"dali_main.py: error: {_rank()}{how_to_set_up(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dali_main.py: interrupted", file=sys.stderr)
        return 130
    return 0


def _rank() -> str:
    """Which of several processes speaks."""
    return f"rank {os.environ.get('RANK')}: " if os.environ.get("WORLD_SIZE", "1") != "1" else ""


def _directories(data: list[Path]) -> tuple[Path, Path]:
    if len(data) > 2:
        raise UsageError(f"expected a training and a validation folder, found {len(data)} folders")
    return (data[0], data[1]) if len(data) == 2 else (data[0] / "train", data[0] / "val")
