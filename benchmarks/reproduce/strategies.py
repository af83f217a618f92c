"""Stages 5, 6, 7 and 9: coarser tasks, choices of the level in training, mixtures, schedules."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from runs import Run, train_all
from settings import CLASSES, FULL_LEVEL, Network, Plan

from pcr.imagefolder import ImageFolder

LADDER = "standard"  # the paper's
MERGED_COUNTS = (5, 2)
PAPER_RULE = ("--autotune-rule", "paper", "--autotune-threshold", "0.8")
MIXTURES = ("mix:5=0.9,10=0.1", "mix:2=0.5,10=0.5")


def merge_classes(plan: Plan) -> None:
    """Stage 5: the same images with fewer, coarser classes, at each level."""
    runs = []
    for count in MERGED_COUNTS:
        merged = merged_names(ImageFolder.scan(plan.train).classes, count)
        flags = ("--merge_classes", str(write_merges(plan.out / f"classes_{count}.csv", merged)))
        runs += [
            Run("granularity", net, LADDER, str(level), seed, f"{count}{CLASSES}", flags, merged)
            for net, seed, level in product(*_networks_and_seeds(plan), plan.setting.levels)
        ]
    _train(plan, runs)


def tune(plan: Plan) -> None:
    """Stage 6: `auto` as here, by the release's rule, and by the loss."""
    ways = {"": (), "paper": PAPER_RULE}
    runs = [
        Run("tuning", net, LADDER, "auto", seed, way, (*_tuning(net), *flags))
        for net, seed, (way, flags) in product(*_networks_and_seeds(plan), ways.items())
    ]
    runs += [
        Run("tuning", net, LADDER, "auto:loss", seed)
        for net, seed in product(*_networks_and_seeds(plan))
    ]
    _train(plan, runs)


def mix(plan: Plan) -> None:
    """Stage 7: a level for each record, drawn again in each epoch."""
    _train(
        plan,
        [
            Run("mixtures", net, LADDER, text, seed)
            for net, seed, text in product(*_networks_and_seeds(plan), MIXTURES)
        ],
    )


def schedule(plan: Plan) -> None:
    """Stage 9: low levels and small crops for three quarters of the epochs, everything at the end."""
    runs = []
    for net, seed in product(*_networks_and_seeds(plan)):
        last = max(1, net.epochs * 3 // 4)
        sizes = ("--image_size", f"0:{net.image_size * 3 // 4},{last}:{net.image_size}")
        levels = f"0:2,{last}:{FULL_LEVEL}"
        runs.append(Run("schedules", net, LADDER, levels, seed))
        runs.append(Run("schedules", net, LADDER, levels, seed, "small crops", sizes))
    _train(plan, runs)


def merged_names(classes: Sequence[str], count: int) -> tuple[tuple[str, str], ...]:
    """Neighbours in the alphabet as one class, named after all of them."""
    groups: dict[int, list[str]] = {}
    for position, name in enumerate(classes):
        groups.setdefault(position * count // len(classes), []).append(name)
    return tuple((name, "+".join(group)) for group in groups.values() for name in group)


def write_merges(path: Path, merged: Iterable[tuple[str, str]]) -> Path:
    """The file that --merge_classes reads."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("class", "merged_class"), *merged])
    return path


def _tuning(network: Network) -> tuple[str, ...]:
    """The first choice after an eighth of the epochs, then three more."""
    eighth = max(1, network.epochs // 8)
    return ("--autotune-start", str(eighth), "--autotune-freq", str(2 * eighth))


def _networks_and_seeds(plan: Plan) -> tuple[Sequence[Network], Sequence[int]]:
    return plan.setting.networks, plan.setting.seeds


def _train(plan: Plan, runs: list[Run]) -> None:
    train_all(plan, runs, {LADDER: plan.dataset(LADDER)})
