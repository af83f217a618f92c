"""The flags of ``pcr train``, by what they are about; their defaults are those of `TrainConfig`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from pcr.cli.parser import local
from pcr.train.config import CHOICES, TrainConfig


class Flags:
    """Declares flags whose defaults are those of `TrainConfig`."""

    def __init__(self, parser: argparse.ArgumentParser, title: str) -> None:
        self._group = parser.add_argument_group(title)

    def switch(self, *flags: str, help: str, **options: Any) -> None:
        """A flag without a value."""
        self._group.add_argument(*flags, action="store_true", help=help, **options)

    def value(
        self,
        *flags: str,
        help: str,
        of: Callable[[str], object] = str,
        default: str = "",
        **options: Any,
    ) -> None:
        """A flag with a value; `default` describes a default of None."""
        action = self._group.add_argument(*flags, type=of, help=help, **options)
        known = getattr(TrainConfig, action.dest, None)
        action.choices = CHOICES.get(action.dest)
        action.help = f"{help} (default: {known if known is not None else default})"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare all flags; those of the paper's program keep its names."""
    _add_data_flags(Flags(parser, "data"))
    _add_fidelity_flags(Flags(parser, "fidelity"))
    _add_model_flags(Flags(parser, "model and optimizer"))
    _add_precision_flags(Flags(parser, "precision"))
    _add_run_flags(Flags(parser, "run"))
    _add_measurement_flags(Flags(parser, "measurements, which write no files"))


def _add_data_flags(flags: Flags) -> None:
    flags.switch(
        "--PCR_train",
        dest="pcr_train",
        help="refuse training data that is not a PCR dataset, which is found by its PCR.db anyway",
    )
    flags.value(
        "-b", "--batch-size", "--b", of=int, metavar="N", help="images per batch and process"
    )
    flags.value(
        "--concurrent_reads",
        of=int,
        metavar="N",
        help="records that each process reads at once, each of them in memory",
        default="1 from a directory, 8 from a URL",
    )
    flags.value(
        "--cache",
        of=local,
        metavar="DIR",
        help="folder that keeps what is fetched from URLs, for all processes and later runs",
        default="nothing is kept",
    )
    flags.value(
        "--cache_limit",
        metavar="SIZE",
        help="how much it keeps, such as 10GB; --cache needs it",
        default="none",
    )
    flags.value("-j", "--workers", of=int, metavar="N", help="decoding threads per process")
    flags.value(
        "--loader",
        help="which loader decodes and crops: this project's, NVIDIA DALI, or (auto) DALI on a GPU "
        "if it is installed and otherwise this project's",
    )
    flags.switch("--dali_cpu", help="let DALI decode on the CPU even if there is a GPU")
    flags.value(
        "--image_size",
        metavar="N|SCHEDULE",
        help="side of the model's input images in pixels: a number, or a schedule by epoch such as "
        "0:128,60:224, of which validation has the last",
        default="224; inception_v3: 299",
    )
    flags.value(
        "--subset",
        metavar="CONDITION",
        help="train on the images of the PCR dataset that meet a condition on columns, such as "
        "'label != \"cat\" and width >= 256'",
        default="all images",
    )
    flags.switch(
        "--class_balanced",
        help="draw images of the PCR dataset so that each class comes as often as any other, in "
        "epochs of the same length",
    )
    flags.value(
        "--merge_classes",
        of=local,
        metavar="FILE",
        help="count classes as one: a CSV with the columns class and merged_class; those that it "
        "does not list stay as they are",
        default="none",
    )
    flags.value(
        "--num_classes",
        of=int,
        metavar="N",
        help="outputs of the model",
        default="as many as the data has classes",
    )


def _add_fidelity_flags(flags: Flags) -> None:
    flags.value(
        "--n_scans",
        metavar="N|SCHEDULE|MIX|auto[:loss]",
        help="levels of the PCR dataset to read: a number, a schedule by epoch such as 0:2,30:5,60:10, "
        "a mixture such as mix:5=0.9,10=0.1, of which each record draws one, auto, which compares "
        "gradients, or auto:loss, which tries levels out where training stalls",
        default="all",
    )
    flags.value(
        "--autotune-start",
        of=int,
        metavar="N",
        help="auto, auto:loss: first choose before this epoch",
    )
    flags.value(
        "--autotune-freq", of=int, metavar="N", help="auto: choose again after this many epochs"
    )
    flags.value(
        "--autotune-batches", of=int, metavar="N", help="auto, auto:loss: batches to compare"
    )
    flags.value(
        "--autotune-rule",
        help="auto: compare the gradients of each batch at every level, or as the paper's released "
        "code their sums at levels 1, 2, 5 and 10",
    )
    flags.value(
        "--autotune-threshold",
        of=float,
        metavar="S",
        help="auto: take the lowest level whose gradients' cosine similarity is above this",
        default="0.9; by the rule paper 0.8",
    )
    flags.value(
        "--autotune-patience",
        of=int,
        metavar="N",
        help="auto:loss: try levels out after so many epochs in which the loss fell by less than 1 %%",
    )
    flags.value(
        "--autotune-tolerance",
        of=float,
        metavar="T",
        help="auto:loss: how much higher than at full fidelity the loss may be, as a part of it",
    )


def _add_model_flags(flags: Flags) -> None:
    flags.value("-a", "--arch", metavar="NAME", help="a classifier of torchvision")
    flags.switch("--pretrained", help="start from torchvision's weights (downloaded)")
    flags.value("--epochs", of=int, metavar="N", help="epochs to train in total")
    flags.value("--start-epoch", of=int, metavar="N", help="count epochs from here")
    flags.value(
        "--lr",
        "--learning-rate",
        of=float,
        metavar="RATE",
        help="learning rate after warm-up, not scaled with the batch size",
    )
    flags.value(
        "--lr_schedule",
        help="when the rate falls to a tenth: after 30, 60 and 80 of 90 epochs, in proportion in "
        "shorter runs (scaled), or after the epochs of the paper's released code in any run (paper)",
    )
    flags.value("--momentum", of=float, metavar="M", help="momentum of SGD")
    flags.value("--weight-decay", "--wd", of=float, metavar="W", help="weight decay of SGD")


def _add_precision_flags(flags: Flags) -> None:
    flags.switch("--fp16", help="mixed precision: float16 where it is safe (GPU only)")
    flags.switch("--bf16", help="mixed precision: bfloat16 where it is safe")
    flags.value(
        "--opt-level",
        help="Apex's names: O0 float32, O1 (--fp16) and O2 mixed, O3 all float16",
        default="O0",
    )
    flags.value(
        "--amp-backend",
        help="what to use for mixed precision: torch.amp, or an installed Apex that has apex.amp",
    )
    flags.switch("--channels-last", help="keep weights and images in NHWC order")
    flags.switch("--compile", help="compile the model (torch.compile)")
    flags.value(
        "--static-loss-scale",
        of=float,
        metavar="SCALE",
        help="with --fp16: scale the loss by this constant",
        default="a dynamic scale",
    )
    flags.switch(
        "--dynamic-loss-scale",
        help="with --fp16: adapt the scale to overflows; overrides --static-loss-scale",
    )


def _add_run_flags(flags: Flags) -> None:
    flags.value("--device", help="what to train on")
    flags.value(
        "--output_dir",
        of=local,
        metavar="DIR",
        help="where metrics and checkpoints go",
        default="run_<n_scans>_<seed>, or the folder of --resume PATH",
    )
    flags.value(
        "--tensorboard",
        of=local,
        metavar="DIR",
        help="also write the metrics for TensorBoard into this folder",
        default="off",
    )
    flags.value(
        "--resume",
        of=local,
        metavar="auto|PATH",
        help="continue from this checkpoint; auto: from the last one in the output folder, if any",
        default="start from the beginning",
    )
    flags.value(
        "--checkpoint-every",
        of=int,
        metavar="N",
        help="also save after every N iterations; a run always saves after each epoch and when it is "
        "stopped by a signal",
    )
    flags.switch(
        "--stop_on_nan",
        help="end the run at a loss that is NaN or infinite; the last checkpoint before it stays",
    )
    flags.value(
        "--validate-freq", of=int, metavar="N", help="validate after every N epochs and the last"
    )
    flags.switch("-e", "--evaluate", help="only validate (with --resume or --pretrained)")
    flags.value(
        "--seed",
        of=int,
        metavar="N",
        help="seed of weights, order and augmentation",
        default="a new one for each run",
    )
    flags.value(
        "--canonical_streams",
        of=int,
        metavar="N",
        help="streams that the order has, so that it is the same for any number of processes that "
        "divides N; each process holds the records of its own",
        default="as many as the run begins with",
    )
    flags.value(
        "-p",
        "--print-freq",
        of=int,
        metavar="N",
        help="batches between updates of the live line",
    )
    flags.value(
        "--local_rank",
        of=int,
        metavar="N",
        help="number of this process on its machine; torch.distributed.launch passes it",
        default="LOCAL_RANK of the environment",
    )


def _add_measurement_flags(flags: Flags) -> None:
    flags.switch("--prof", help="stop after 10 iterations, to run under a profiler")
    flags.switch("--synthetic_loader", help="time training on random images: no data is read")
    flags.switch("--synthetic_training", help="time training on the first batch, again and again")
    flags.switch("--synthetic_model", help="time the loader alone: load batches without training")
