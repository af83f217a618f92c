"""Stage 3 over a limited network: how long training takes to become as good as at full fidelity."""

from __future__ import annotations

from dataclasses import replace

from levels import make_dataset, mean_bytes, reencode
from runs import Run, train_all
from settings import BANDWIDTH_MB_PER_S, FULL_LEVEL, GRAIN, LADDER, LIMITED, RECOMMENDED, Plan
from strategies import tuning_flags

LARGE_BYTES = 60_000
NOISE, QUALITY = 4.0, 92
VALIDATE_EVERY = ("--validate-freq", "2")


def train_limited(plan: Plan) -> None:
    """Full fidelity, a level of each ladder, and `auto`, one at a time, from an HTTP server.

    One thread trains at most some hundred images a second, so images of few bytes get grain first:
    else no network would be slow enough to slow it down.
    """
    from snailmail import HTTPRangeServer  # the other stages work without

    network, served = plan.setting.limited, plan.out / "served"
    images, grain = plan.train, ""
    if mean_bytes(plan.dataset(LADDER), FULL_LEVEL) < LARGE_BYTES:
        images, grain = plan.out / "grain", GRAIN
        reencode(plan.train, images, QUALITY, NOISE)
    for ladder in plan.setting.levels:
        make_dataset(images, served / ladder, ladder)
    levels = [(LADDER, FULL_LEVEL), *RECOMMENDED.items()]
    kinds = [(name, str(level), ()) for name, level in levels if name in plan.setting.levels]
    kinds.append((LADDER, "auto", tuning_flags(network)))
    runs = [
        Run("limited", network, name + grain, fidelity, seed, LIMITED, (*VALIDATE_EVERY, *flags))
        for seed in range(network.seeds)
        for name, fidelity, flags in kinds
    ]
    with HTTPRangeServer(served, bandwidth_mbs=BANDWIDTH_MB_PER_S) as server:
        urls = {f"{name}{grain}": f"{server.base}{name}" for name in plan.setting.levels}
        train_all(replace(plan, jobs=1), runs, urls)
