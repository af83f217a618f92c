"""The converter's flags: the basic set of every converter command, and the paper's experimental knobs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast, get_args

from pcr.cli.parser import Switch, positive
from pcr.conversion.options import ConversionOptions, OnBadImage
from pcr.cores import usable_cores
from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.jpeg import CopyMarkers
from pcr.ladder import Ladder, shipped_names

DEFAULT_LADDER = "bitplane"
BASELINE_LADDER = "baseline"


def add_basic_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of every converter command."""
    add = parser.add_argument
    kept = "with --append the dataset's"
    add("input_dataset", type=Path, help="folder with one sub-folder of JPEGs per class")
    add("output_directory", type=Path, help="where PCR.db and the records go")
    add("--batch_size", type=int, metavar="N", help=f"images per record (default: 1024; {kept})")
    add("--seed", type=int, metavar="N", help=f"of the order of images (default: 0; {kept})")
    add(
        "--ladder",
        metavar="NAME|FILE",
        help=f"scan script: {', '.join(shipped_names())} or a file (default: {DEFAULT_LADDER}; {kept})",
    )
    add_worker_flags(parser)
    add(
        "--mssim_estimate_size",
        type=int,
        default=0,
        metavar="N",
        help="measure each level's MS-SSIM on N images, print it and write it to "
        f"{layout.QUALITY_FILE} (default: %(default)s)",
    )
    _add_source_flags(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--force", action="store_true", help="replace the PCR files in the output directory"
    )
    where.add_argument(
        "--append",
        action="store_true",
        help="add the images whose names the dataset in the output directory does not have; "
        "classes keep their labels, new classes get the next ones",
    )


def add_worker_flags(parser: argparse.ArgumentParser) -> None:
    """Declare how many threads work, and whether a bar shows their progress."""
    parser.add_argument(
        "--num_workers",
        type=positive,
        default=usable_cores(),
        metavar="N",
        help="threads to use (default: all cores, here %(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_source_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--on_bad_image",
        choices=get_args(OnBadImage),
        default="fail",
        help="what to do with a file that is no JPEG, or a damaged one; those skipped, or decoded and "
        f"re-encoded, are listed in {layout.REPORT_FILE} (default: %(default)s)",
    )
    add(
        "--quality",
        type=int,
        default=95,
        metavar="Q",
        help="JPEG quality of --on_bad_image reencode (default: %(default)s)",
    )
    add(
        "--copy",
        choices=get_args(CopyMarkers),
        help="which markers to keep beside those that decoding needs (default: none)",
    )
    add(
        "--convert_images",
        action=Switch,
        help="also rewrite the source files in place as progressive JPEGs (default: they are never touched)",
    )


def add_advanced_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the paper's experimental knobs."""
    add = parser.add_argument
    add(
        "--pool_size",
        type=positive,
        metavar="N",
        help="the paper's name of --num_workers (its processes are threads here)",
    )
    add(
        "--static_compression",
        type=int,
        metavar="Q",
        help="re-encode every image at JPEG quality Q into the dataset; the sources stay as they are",
    )
    add(
        "--use_baseline_images",
        action="store_true",
        help=f"records of one level with baseline JPEGs, to compare with: --ladder {BASELINE_LADDER}",
    )
    add(
        "--tf_records",
        action="store_true",
        help="beside each record the same images as a TFRecord file of tf.train.Example, and DALI's index of it",
    )
    add(
        "--duplicate_dataset_factor",
        type=int,
        default=1,
        metavar="N",
        help="take every image N times (default: %(default)s)",
    )
    add("--no_shuffle", action="store_true", help="keep the order of the folder")
    add(
        "--levels",
        type=int,
        metavar="N",
        help="gather the ladder's levels from the Nth on into one, so that there are N",
    )


def advanced_defaults() -> dict[str, object]:
    """What the experimental knobs are where a command does not have them."""
    parser = argparse.ArgumentParser()
    add_advanced_flags(parser)
    return vars(parser.parse_args([]))


def make_options(arguments: argparse.Namespace) -> ConversionOptions:
    """The options that the flags stand for; what is not given comes from the dataset that is added to."""
    base = Dataset(arguments.output_directory).info if arguments.append else None
    return ConversionOptions(
        ladder=_ladder(arguments, base),
        batch_size=_given(arguments.batch_size, base.images_per_record if base else 1024),
        seed=_given(arguments.seed, base.seed if base else 0),
        shuffle=not arguments.no_shuffle,
        copy_markers=arguments.copy or _copied_markers(base),
        on_bad_image=arguments.on_bad_image,
        quality=arguments.quality,
        static_compression=arguments.static_compression,
        duplicate_dataset_factor=arguments.duplicate_dataset_factor,
        tf_records=arguments.tf_records,
        convert_images=arguments.convert_images,
    )


def _ladder(arguments: argparse.Namespace, base: DatasetInfo | None) -> Ladder:
    name, levels = arguments.ladder, arguments.levels
    if arguments.use_baseline_images:
        if name is not None or levels is not None:
            raise UsageError("--use_baseline_images: expected without --ladder and --levels")
        name = BASELINE_LADDER
    if base is not None and name is None and levels is None:
        return base.ladder
    ladder = Ladder.load(name or DEFAULT_LADDER)
    return ladder if levels is None else ladder.with_levels(levels)


def _copied_markers(base: DatasetInfo | None) -> CopyMarkers:
    for choice in get_args(CopyMarkers):
        if base is not None and base.copied_markers == choice:
            return cast(CopyMarkers, choice)
    return "none"


def _given(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
