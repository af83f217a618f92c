"""The flags of commands that measure the levels of a dataset and recommend one of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pcr.cli.parser import positive
from pcr.errors import UsageError

if TYPE_CHECKING:
    from pcr.tools.level_profile import Predict


def add_measuring_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what is measured, and by what a level is recommended."""
    add = parser.add_argument
    add(
        "--threshold",
        type=float,
        default=0.95,
        metavar="S",
        help="mean MS-SSIM that the recommended level reaches, 0 to 1 (default: %(default)s)",
    )
    add(
        "--model",
        metavar="NAME|CHECKPOINT",
        help="recommend by what this network sees: a checkpoint of pcr train, or a classifier of "
        "torchvision, whose weights are downloaded",
    )
    add(
        "--kl",
        type=float,
        default=0.1,
        metavar="D",
        help="with --model: mean KL divergence, in nats, of its predictions from those at the last "
        "level that the recommended level has at most (default: %(default)s)",
    )
    add(
        "--sample",
        type=positive,
        default=100,
        metavar="N",
        help="images to measure (default: %(default)s)",
    )
    add("--seed", type=int, default=0, metavar="N", help="seed of what is drawn (default: 0)")


def check_measuring_flags(arguments: argparse.Namespace) -> None:
    """Refuse thresholds that no level, or every one, would reach."""
    if not 0 <= arguments.threshold <= 1:
        raise UsageError(f"expected 0 to 1, found {arguments.threshold}", "threshold")
    if not arguments.kl >= 0:
        raise UsageError(f"expected 0 or more, found {arguments.kl:g}", "kl")


def load_network(name: str | None) -> Predict | None:
    """What ``--model`` names; None without it."""
    if name is None:
        return None
    from pcr.train.classifier import Classifier  # torch takes seconds

    try:
        return Classifier.load(name).log_probabilities
    except UsageError as error:
        raise UsageError(error.reason, "model") from error
