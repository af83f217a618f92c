"""``pcr profile``: bytes, similarity and speed of a dataset's levels, and which to start with."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pcr.cli.command import refuse_existing
from pcr.cli.json_output import add_json_flag, print_json
from pcr.cli.text import paragraph, printable
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, UsageError

if TYPE_CHECKING:
    from pcr.tools.level_profile import LevelProfile, Predict

HELP = "Measure what a dataset's levels cost and are worth, and recommend one."
TABLE_FILE, PLOT_FILE = "profile.csv", "profile.png"
_TITLES = {
    "level": "level",
    "mean_bytes": "mean bytes",
    "share": "share",
    "ms_ssim_mean": "MS-SSIM",
    "ms_ssim_p10": "10th %",
    "ms_ssim_min": "min",
    "kl_mean": "KL",
    "same_class": "same",
    "loader_rate": "loader",
    "pillow_rate": "Pillow",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("dataset", help="directory or URL of a finished dataset")
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
        type=int,
        default=100,
        metavar="N",
        help="images to measure (default: %(default)s)",
    )
    add(
        "--seed", type=int, default=0, metavar="N", help="seed of the sample (default: %(default)s)"
    )
    add(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help=f"where {TABLE_FILE} and {PLOT_FILE} go (default: the current directory)",
    )
    add("--force", action="store_true", help="replace these files if they exist")
    add("--quiet", action="store_true", help="no progress bar")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print the table and the recommendation, write table and plot."""
    from pcr.tools.level_profile import (  # pandas takes a second
        profile_levels,
        recommend,
        recommend_by_kl,
        write_table,
    )
    from pcr.tools.pictures import plot_levels

    if arguments.sample < 1:
        raise UsageError(f"expected at least 1 image, found {arguments.sample}", "sample")
    if not 0 <= arguments.threshold <= 1:
        raise UsageError(f"expected 0 to 1, found {arguments.threshold}", "threshold")
    if not arguments.kl >= 0:
        raise UsageError(f"expected 0 or more, found {arguments.kl:g}", "kl")
    dataset = Dataset(arguments.dataset)
    if not len(dataset):
        raise DatasetError(f"{dataset.location}: expected a dataset with images, found none")
    table, plot = arguments.out / TABLE_FILE, arguments.out / PLOT_FILE
    for path in (table, plot):
        refuse_existing(path, arguments.force)
    profile = profile_levels(
        dataset,
        arguments.sample,
        seed=arguments.seed,
        progress=not arguments.quiet,
        predict=_load_network(arguments.model) if arguments.model else None,
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_table(table, profile.table)
    plot_levels(profile.table, plot, sources_known=profile.sources_known)
    level, reason = (
        recommend_by_kl(profile.table, arguments.kl)
        if arguments.model
        else recommend(profile.table, arguments.threshold)
    )
    if arguments.json:
        rows = profile.table.to_dict("records")
        print_json({"dataset": dataset.location, "recommended_level": level, "levels": rows})
        return
    print("\n".join([*table_lines(profile), "", paragraph(reason), ""]))
    print(f"{printable(table)}: this table\n{printable(plot)}: the same as a plot")


def _load_network(name: str) -> Predict:
    from pcr.train.classifier import Classifier  # torch takes seconds

    try:
        return Classifier.load(name).log_probabilities
    except UsageError as error:
        raise UsageError(error.reason, "model") from error


def table_lines(profile: LevelProfile) -> Iterator[str]:
    """A profile's table within 80 columns, and what its columns mean."""
    columns = [name for name in _TITLES if name in profile.table]
    if "kl_mean" in columns:  # or the lines were too long
        columns = [name for name in columns if name not in ("ms_ssim_p10", "ms_ssim_min")]
    yield profile.table[columns].to_string(
        index=False,
        header=[_TITLES[name] for name in columns],
        formatters={name: _format_of(name) for name in columns},
    )
    of = "source files" if profile.sources_known else "last level (that of sources is not known)"
    yield f"share: of the bytes of the {of}"
    if "kl_mean" in columns:
        yield "MS-SSIM: mean similarity to the last level"
        yield paragraph(
            "KL, same: mean divergence, in nats, of the network's predictions from those at the last "
            "level, and the share of images with the same class"
        )
    else:
        yield "MS-SSIM: similarity to the last level (mean, 10th percentile, minimum)"
    if profile.baseline_rate:
        loader, pillow = profile.baseline_rate["loader"], profile.baseline_rate["pillow"]
        yield paragraph(
            "loader, Pillow: decode rate of the loader's decoder and of Pillow, relative to the "
            "same decoder on these images as baseline JPEGs "
            f"({loader:,.0f} and {pillow:,.0f} images/s, one thread)"
        )


def _format_of(column: str) -> Callable[[object], str]:
    return {"level": "{:d}", "mean_bytes": "{:,.0f}", "share": "{:.3f}"}.get(
        column, "{:.2f}" if column.endswith("rate") else "{:.4f}"
    ).format
