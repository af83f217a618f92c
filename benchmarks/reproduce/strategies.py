"""Stages 5, 6, 7 and 9: coarser tasks, choices of the level in training, mixtures, schedules."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from runs import Run, train_all
from settings import CLASSES, FULL_LEVEL, LADDER, Network, Plan

from pcr.imagefolder import ImageFolder

MERGED_COUNTS = (5, 2)
PAPER_RULE = ("--autotune-rule", "paper", "--autotune-threshold", "0.8")
MIXTURES = ("mix:5=0.9,10=0.1", "mix:2=0.5,10=0.5")


def merge_classes(plan: Plan) -> None:
    """Stage 5: the same images with fewer, coarser classes, at some levels."""
    runs = [
        Run("granularity", plan.setting.short, LADDER, str(level), seed)
        for seed in range(plan.setting.short.seeds)
        for level in plan.setting.coarse_levels
    ]
    for count in MERGED_COUNTS:
        merged = merged_names(ImageFolder.scan(plan.train).classes, count)
        flags = ("--merge_classes", str(write_merges(plan.out / f"classes_{count}.csv", merged)))
        way = f"{count}{CLASSES}"
        runs += [
            Run("granularity", run.network, LADDER, run.fidelity, run.seed, way, flags, merged)
            for run in runs
            if not run.way
        ]
    train_all(plan, runs, {LADDER: plan.dataset(LADDER)})


def tune(plan: Plan) -> None:
    """Stage 6: `auto` as here, by the release's rule, and by the loss."""
    flags = tuning_flags(plan.setting.short)
    paper = ("auto", "paper", (*flags, *PAPER_RULE))
    _train(plan, "tuning", [("auto", "", flags), paper, ("auto:loss", "", ())])


def mix(plan: Plan) -> None:
    """Stage 7: a level for each record, drawn again in each epoch."""
    _train(plan, "mixtures", [(mixture, "", ()) for mixture in MIXTURES])


def schedule(plan: Plan) -> None:
    """Stage 9: low levels and small crops in the first half of the epochs, everything then."""
    network = plan.setting.short
    half = max(1, network.epochs // 2)
    sizes = ("--image_size", f"0:{network.image_size * 3 // 4},{half}:{network.image_size}")
    levels = f"0:2,{half}:{FULL_LEVEL}"
    _train(plan, "schedules", [(levels, "", ()), (levels, "small crops", sizes)])


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


def tuning_flags(network: Network) -> tuple[str, ...]:
    """The first choice after an eighth of the epochs, then three more."""
    eighth = max(1, network.epochs // 8)
    return ("--autotune-start", str(eighth), "--autotune-freq", str(2 * eighth))


def _train(plan: Plan, stage: str, kinds: list[tuple[str, str, tuple[str, ...]]]) -> None:
    """Each kind (fidelity, way, flags) of training, beside full fidelity."""
    network = plan.setting.short
    runs = [
        Run(stage, network, LADDER, fidelity, seed, way, flags)
        for seed in range(network.seeds)
        for fidelity, way, flags in [(str(FULL_LEVEL), "", ()), *kinds]
    ]
    train_all(plan, runs, {LADDER: plan.dataset(LADDER)})
