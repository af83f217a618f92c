"""Stages 3 and 8: what networks trained at lower levels know, beside those trained on all bytes."""

from __future__ import annotations

from pathlib import Path

from levels import encoded, reencode
from runs import Run, train_all
from settings import IMAGES, Plan

from pcr.dataset.reader import Dataset

QUALITIES = range(2, 96)


def train_levels(plan: Plan) -> None:
    """Stage 3: each ladder at each level, and the images themselves as a control."""
    setting = plan.setting
    data = {IMAGES: plan.train, **{name: plan.dataset(name) for name in setting.ladders}}
    runs = [
        Run("levels", network, name, fidelity, seed)
        for network in setting.networks
        for seed in setting.seeds
        for name in data
        for fidelity in ([""] if name == IMAGES else [str(level) for level in setting.levels])
    ]
    train_all(plan, runs, data)


def train_static(plan: Plan) -> None:
    """Stage 8: images re-encoded at the qualities whose bytes are those of levels of `standard`."""
    data = {}
    for level in plan.setting.static_levels:
        quality = matching_quality(plan, level)
        folder = plan.out / "static" / f"quality-{quality}"
        if not folder.exists():
            reencode(plan.train, folder, quality)
        data[f"quality-{quality}"] = folder
    runs = [
        Run("static", network, name, "", seed)
        for network in plan.setting.networks
        for seed in plan.setting.seeds
        for name in data
    ]
    train_all(plan, runs, data)


def matching_quality(plan: Plan, level: int) -> int:
    """The highest JPEG quality at which a sample of the images has at most that level's bytes."""
    dataset = Dataset(plan.dataset("standard"))
    level_bytes = sum(r.prefix_bytes[level] for r in dataset.records) / len(dataset)
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
