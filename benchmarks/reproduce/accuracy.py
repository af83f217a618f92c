"""Stages 3, 4 and 8: what networks trained at lower levels know, beside those trained on all bytes."""

from __future__ import annotations

from pathlib import Path

from levels import encoded, make_dataset, mean_bytes, reencode
from results import add_rows, known
from runs import Run, train_all
from settings import FULL_LEVEL, IMAGES, LADDER, Plan

from pcr.dataset.reader import Dataset
from pcr.tools.level_profile import profile_levels
from pcr.train.checkpoint import LAST_FILE
from pcr.train.classifier import Classifier

QUALITIES = range(2, 96)


def train_levels(plan: Plan) -> None:
    """Stage 3: each ladder at some levels, and the images themselves as a control."""
    setting = plan.setting
    kinds = [(name, str(level)) for name, levels in setting.levels.items() for level in levels]
    runs = [
        Run("accuracy", network, name, fidelity, seed)
        for network in setting.networks
        for name, fidelity in [*kinds, (IMAGES, "")]
        for seed in network.seeds_of(name, fidelity)
    ]
    runs.sort(key=lambda run: run.seed)  # stopped early, all kinds have some
    datasets = {name: plan.dataset(name) for name in setting.levels}
    train_all(plan, runs, {IMAGES: plan.train, **datasets})
    measure_divergence(plan)


def measure_divergence(plan: Plan) -> None:
    """Stage 4: how predictions for held-out images at each level differ from those at full fidelity.

    By networks that were trained at full fidelity. Writes divergence.csv.
    """
    path = plan.out / "divergence.csv"
    for network in plan.setting.networks:
        run = Run("accuracy", network, LADDER, str(FULL_LEVEL), 0)
        left = set(plan.setting.levels) - known(path, "ladder", run=run.name)
        if not left:
            continue
        predict = Classifier.load(str(plan.out / "runs" / run.name / LAST_FILE)).log_probabilities
        for ladder in sorted(left):
            images = plan.datasets / f"{ladder}-held-out"
            make_dataset(plan.held_out, images, ladder)
            table = profile_levels(Dataset(images), plan.setting.sample, tries=0, predict=predict)
            origin = {"run": run.name, "arch": network.arch, "image_size": network.image_size}
            add_rows(path, table.table.assign(**origin).to_dict("records"))


def train_static(plan: Plan) -> None:
    """Stage 8: images re-encoded at the qualities whose bytes are those of levels of `standard`."""
    network, data = plan.setting.short, {LADDER: plan.dataset(LADDER)}
    kinds = [(LADDER, str(level)) for level in (*plan.setting.static_levels, FULL_LEVEL)]
    for level in plan.setting.static_levels:
        quality = matching_quality(plan, level)
        name = f"quality-{quality}"
        data[name] = plan.out / "static" / name
        reencode(plan.train, data[name], quality)
        kinds.append((name, ""))
    runs = [
        Run("static", network, name, fidelity, seed)
        for seed in range(network.seeds)
        for name, fidelity in kinds
    ]
    train_all(plan, runs, data)


def matching_quality(plan: Plan, level: int) -> int:
    """The highest JPEG quality at which a sample of the images has at most that level's bytes."""
    level_bytes = mean_bytes(plan.dataset(LADDER), level)
    paths = sorted(plan.train.rglob("*.*"))
    sample = paths[:: max(1, len(paths) // 50)]
    low, high = QUALITIES[0], QUALITIES[-1]
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if _mean_bytes(sample, middle) <= level_bytes else (low, middle - 1)
        )
    return low


def _mean_bytes(paths: list[Path], quality: int) -> float:
    return sum(len(encoded(path, quality)) for path in paths) / len(paths)
