"""``pcr profile``: bytes, similarity and speed of a dataset's levels, and which to start with."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pcr.cli.command import refuse_existing
from pcr.cli.json_output import add_json_flag, print_json
from pcr.cli.measuring import add_measuring_flags, check_measuring_flags, load_network
from pcr.cli.parser import local
from pcr.cli.text import paragraph, printable
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError
from pcr.storage.local import check_directory

if TYPE_CHECKING:
    from pcr.tools.level_profile import LevelProfile

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
    add_measuring_flags(parser)
    add(
        "--out",
        type=local,
        default=Path(),
        metavar="DIR",
        help=f"where {TABLE_FILE} and {PLOT_FILE} go (default: the current directory)",
    )
    add("--force", action="store_true", help="replace these files if they exist")
    add("--quiet", action="store_true", help="no progress bar")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print the table and the recommendation, write table and plot."""
    check_measuring_flags(arguments)
    # pandas takes a second
    from pcr.tools.level_profile import profile_levels, recommend, write_table
    from pcr.tools.pictures import plot_levels

    dataset = Dataset(arguments.dataset)
    if not len(dataset):
        raise DatasetError(f"{dataset.location}: expected a dataset with images, found none")
    check_directory(arguments.out)
    table, plot = arguments.out / TABLE_FILE, arguments.out / PLOT_FILE
    for path in (table, plot):
        refuse_existing(path, arguments.force)
    profile = profile_levels(
        dataset,
        arguments.sample,
        seed=arguments.seed,
        progress=not arguments.quiet,
        predict=load_network(arguments.model),
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_table(table, profile.table)
    plot_levels(profile.table, plot, sources_known=profile.sources_known)
    level, reason = recommend(profile.table, arguments.threshold, arguments.kl)
    if arguments.json:
        rows = profile.table.to_dict("records")
        print_json({"dataset": dataset.location, "recommended_level": level, "levels": rows})
        return
    print("\n".join([*table_lines(profile), "", paragraph(reason), ""]))
    print(f"{printable(table)}: this table\n{printable(plot)}: the same as a plot")


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
