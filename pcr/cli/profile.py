"""``pcr profile``: what a dataset's levels cost and are worth, and which one to train with."""

from __future__ import annotations

import argparse
from pathlib import Path

from pcr.dataset.reader import Dataset
from pcr.errors import UsageError

HELP = "Measure bytes, MS-SSIM and decode rate of each level of a dataset, and recommend one."
TABLE_FILE, PLOT_FILE = "profile.csv", "profile.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("dataset", type=Path, help="directory of a finished dataset")
    add(
        "--threshold",
        type=float,
        default=0.95,
        help="mean MS-SSIM to full fidelity that the recommended level reaches (default: %(default)s)",
    )
    add(
        "--sample",
        type=int,
        default=100,
        metavar="N",
        help="images to measure (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="of the sample (default: %(default)s)")
    add(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help=f"where {TABLE_FILE} and {PLOT_FILE} go (default: the current directory)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Measure, print the table and the recommendation, write table and plot."""
    from pcr.tools.level_profile import profile_levels, write_table  # pandas takes a second
    from pcr.tools.pictures import plot_levels
    from pcr.tools.quality import lowest_sufficient_level

    if arguments.sample < 1:
        raise UsageError(f"--sample: expected at least 1 image, found {arguments.sample}")
    if not 0 <= arguments.threshold <= 1:
        raise UsageError(f"--threshold: expected 0 to 1, found {arguments.threshold}")
    dataset = Dataset(arguments.dataset)
    if not len(dataset):
        raise UsageError(f"{dataset.root}: expected a dataset with images, found none")
    table = profile_levels(dataset, arguments.sample, seed=arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_table(arguments.out / TABLE_FILE, table)
    plot_levels(table, arguments.out / PLOT_FILE)
    print(table.drop(columns="ladder").to_string(index=False, float_format="{:.4f}".format))
    level = lowest_sufficient_level(table, arguments.threshold)
    row = table.iloc[level - 1]
    print(
        f"--n_scans {level} is the lowest level with MS-SSIM >= {arguments.threshold:g}: "
        f"{row.ms_ssim_mean:.4f} at {row.relative_bytes:.3f} of the bytes of baseline JPEGs"
    )
