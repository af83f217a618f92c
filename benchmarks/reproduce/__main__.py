#!/usr/bin/env python3
"""Repeat the experiments of the PCR paper on any images, stage by stage; started again, it resumes.

python3 benchmarks/reproduce IMAGES OUT --quick|--full [--stages levels rates …] [--jobs 2]

IMAGES has train/ and one or more other folders, such as validation/ and test/, each an ImageFolder;
the others together are the held-out images. `scripts/make_sample_dataset.py` makes such a folder.
OUT receives a CSV per stage, whose rows say machine, versions, commit and date, and tables.md and
pictures that are drawn from these alone (`--stages draw` draws them again).

levels      1. bytes and MS-SSIM of each level; time and disk of conversions
rates       2. images per second at each level, warm and at 20 MB/s (needs snailmail)
accuracy    3. and 4. accuracy at some levels of two ladders and on the images themselves, over
               epochs and bytes, and over MS-SSIM and KL divergence
limited     3. time to accuracy over a network of 20 MB/s (needs snailmail)
granularity 5. the same with merged classes
tuning      6. the level chosen in training: by gradients, by the release's rule, by the loss
mixtures    7. levels mixed within an epoch
static      8. accuracy on images re-encoded to the bytes of a level
schedules   9. low levels, and small crops, in the first half
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import accuracy
import levels
import limited
import rates
import strategies
from figures import draw_all
from settings import FULL, QUICK, Plan
from tables import write_tables

from pcr.errors import PCRError

STAGES = {
    "levels": levels.measure,
    "rates": rates.measure,
    "accuracy": accuracy.train_levels,
    "limited": limited.train_limited,
    "granularity": strategies.merge_classes,
    "tuning": strategies.tune,
    "mixtures": strategies.mix,
    "static": accuracy.train_static,
    "schedules": strategies.schedule,
}
SERVED = {"rates", "limited"}


def main() -> None:
    """Parse, run the stages, draw."""
    parser = argparse.ArgumentParser(
        prog="reproduce", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path)
    parser.add_argument("out", type=Path)
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--quick", action="store_true", help="one network, one seed, a few epochs")
    size.add_argument(
        "--full", action="store_true", help="two networks, 3 to 16 seeds, 20 and 40 epochs"
    )
    parser.add_argument("--stages", nargs="+", default=[*STAGES], choices=[*STAGES, "draw"])
    parser.add_argument("--jobs", type=int, default=2, help="trainings at the same time (2)")
    arguments = parser.parse_args()
    if SERVED & set(arguments.stages) and not find_spec("snailmail"):
        parser.error(
            "the stages rates and limited need snailmail: pip install 'snailmail[s3]', or name the "
            "other stages after --stages"
        )
    setting = FULL if arguments.full else QUICK
    plan = Plan(setting, arguments.images.resolve(), arguments.out.resolve(), arguments.jobs)
    try:
        run(plan, arguments.stages)
    except (PCRError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"reproduce: {error}")


def run(plan: Plan, stages: list[str]) -> None:
    """Measure, then draw what has been measured so far."""
    if stages != ["draw"]:
        levels.prepare(plan)
    for name in stages:
        if name in STAGES:
            print(f"stage {name}", flush=True)
            STAGES[name](plan)
    draw_all(plan.out)
    print(write_tables(plan.out))


if __name__ == "__main__":
    main()
