"""The converter's flags: those of every converter command, and the advanced converter's."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from typing import Any, get_args

from pcr.cli.parser import Switch, not_negative, positive
from pcr.conversion.options import LOSSLESS, ConversionOptions, OnBadImage
from pcr.conversion.sharing import Engine
from pcr.cores import usable_cores
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.jpeg import CopyMarkers
from pcr.ladder import DEFAULT_LADDER, Ladder, shipped_names

_BASELINE_LADDER = "baseline"
_KEPT = "with --append the dataset's"


def add_basic_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of every converter command."""
    add = parser.add_argument
    add(
        "input_dataset",
        help="folder or URL with one sub-folder of JPEGs per class; or a table of paths (.csv, "
        ".jsonl, .parquet), tar shards of WebDataset (train-{000..146}.tar), or a dataset of "
        "Hugging Face on disk",
    )
    add("output_directory", help="directory or URL (s3://, gs://, az://) of the dataset to make")
    _add_record_flags(parser)
    add_worker_flags(parser)
    add(
        "--mssim_estimate_size",
        type=not_negative,
        default=0,
        metavar="N",
        help="measure each level's MS-SSIM on N images, print it and write it to "
        f"{layout.QUALITY_FILE} (default: %(default)s)",
    )
    _add_source_flags(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--force",
        action="store_true",
        help="replace the dataset in the output directory; other files are kept; refused while an "
        "append to it is unfinished, unless with --restart",
    )
    where.add_argument(
        "--append",
        action="store_true",
        help="add the images whose names are not yet in the dataset in the output directory; "
        "classes keep their labels, new classes get the next ones",
    )
    add(
        "--restart",
        action="store_true",
        help="drop what an interrupted run left unfinished, instead of resuming it; a finished "
        "dataset stays",
    )


def add_worker_flags(parser: argparse.ArgumentParser) -> None:
    """Declare how many threads work, and whether a bar shows their progress."""
    add_num_workers(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def add_num_workers(parser: argparse.ArgumentParser) -> None:
    """Declare how many threads work."""
    parser.add_argument(
        "--num_workers",
        type=positive,
        metavar="N",
        help=f"threads to use (default: all cores, here {usable_cores()})",
    )


def add_advanced_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the advanced converter of the paper's release, and ``--levels``."""
    add = parser.add_argument
    add(
        "--pool_size",
        type=positive,
        default=argparse.SUPPRESS,
        dest="num_workers",
        metavar="N",
        help="the same as --num_workers",
    )
    add(
        "--static_compression",
        type=int,
        metavar="Q",
        help="re-encode every image at JPEG quality Q into the dataset; the sources stay as they "
        f"are (default: {LOSSLESS}, no re-encoding)",
    )
    add(
        "--use_baseline_images",
        action="store_true",
        help=f"write records of one level with baseline JPEGs, as with --ladder {_BASELINE_LADDER}",
    )
    add(
        "--tf_records",
        action="store_true",
        help="also write each record as a TFRecord file of tf.train.Example, with an index for "
        "DALI",
    )
    add(
        "--duplicate_dataset_factor",
        type=int,
        metavar="N",
        help="store every image N times (default: 1)",
    )
    add("--no_shuffle", dest="shuffle", action="store_false", help="keep the order of the source")
    add(
        "--levels",
        type=int,
        metavar="N",
        help="merge the ladder's levels from the Nth on into one, so that there are N",
    )


def add_shard_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that share a conversion among machines."""
    parser.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="convert the I-th of N parts of the records, I from 0; pcr merge makes one dataset of "
        "all parts (default: all records)",
    )
    parser.add_argument(
        "--engine",
        choices=get_args(Engine),
        default="local",
        help="where to convert: on this machine, or on a Ray cluster with --num_workers threads (1) "
        "per task; a task whose machine is lost is repeated on another (default: %(default)s)",
    )
    parser.add_argument(
        "--ray_address",
        metavar="ADDRESS",
        help="of the Ray cluster (default: RAY_ADDRESS, or a Ray cluster of this machine alone)",
    )


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, flags=re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected I/N, as in 0/8, found {text!r}")
    return int(found[1]), int(found[2])


def _column_type(text: str) -> tuple[str, str]:
    name, colon, type = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"expected NAME:TYPE, as in score:float32, found {text!r}")
    return name, type


def make_options(arguments: argparse.Namespace) -> ConversionOptions:
    """The options that the flags stand for; with --append, those not given are the dataset's."""
    names = (field.name for field in fields(ConversionOptions) if field.name != "ladder")
    given: dict[str, Any] = {name: getattr(arguments, name, None) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    if "column_types" in given:
        given["column_types"] = dict(given["column_types"])
    ladder = _ladder(arguments)
    if ladder is not None:
        given["ladder"] = ladder
    if arguments.append:
        return ConversionOptions.of_dataset(Dataset(arguments.output_directory).info, **given)
    return ConversionOptions(**given)


def _add_record_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument

    add(
        "--batch_size",
        "--images_per_record",
        dest="images_per_record",
        type=int,
        metavar="N",
        help=f"images per record (default: 1024; {_KEPT})",
    )
    add("--seed", type=int, metavar="N", help=f"seed of the image order (default: 0; {_KEPT})")
    add(
        "--ladder",
        metavar="NAME|FILE",
        help=f"scan script: {', '.join(shipped_names())} or a file; the paper's is standard "
        f"(default: {DEFAULT_LADDER}; {_KEPT})",
    )
    add(
        "--restart_rows",
        type=int,
        metavar="N",
        help="put a restart marker after each N rows of MCUs (blocks of 8 or 16 pixels) into every "
        f"scan, so that crops need less decoding (default: 0, none; {_KEPT})",
    )


def _add_source_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--on_bad_image",
        choices=get_args(OnBadImage),
        help="what to do with a file that is damaged or anything but a JPEG: stop, leave it out, "
        "or decode it and store it as a JPEG; files left out or re-encoded are listed in "
        f"{layout.REPORT_FILE} (default: fail)",
    )
    add(
        "--quality",
        type=int,
        metavar="Q",
        help="JPEG quality of --on_bad_image reencode (default: 95)",
    )
    add(
        "--copy",
        dest="copy_markers",
        choices=get_args(CopyMarkers),
        help=f"markers to keep in addition to those that decoding needs (default: none; {_KEPT})",
    )
    add(
        "--convert_images",
        action=Switch,
        help="also rewrite the source files in place, without loss, as progressive JPEGs; without "
        "a value it means True (default: False, the sources are not touched)",
    )
    add(
        "--image_column",
        metavar="NAME",
        help="of a source with columns, the one with images or their paths (default: by its name)",
    )
    add(
        "--label_column",
        metavar="NAME",
        help="of a source with columns, the one with names or numbers of classes (default: label "
        "or cls; without it the images' folders are the classes)",
    )
    add(
        "--column",
        dest="column_types",
        action="append",
        type=_column_type,
        metavar="NAME:TYPE",
        help="the type of a column, such as boxes:float32[?,4]; may be repeated (default: what the "
        "source says, or what holds all values)",
    )
    add(
        "--beside",
        dest="columns_beside",
        action="append",
        metavar="NAME",
        help="a column to keep out of the records, in files that are read only where it is asked "
        "for; may be repeated (default: large ones alone)",
    )


def _ladder(arguments: argparse.Namespace) -> Ladder | None:
    """The ladder that the flags name; None where they name none."""
    name, levels = arguments.ladder, getattr(arguments, "levels", None)
    if getattr(arguments, "use_baseline_images", False):
        if name is not None or levels is not None:
            raise UsageError("cannot be combined with `ladder` or `levels`", "use_baseline_images")
        return Ladder.load(_BASELINE_LADDER)
    if name is None and levels is None:
        return None
    ladder = Ladder.load(DEFAULT_LADDER if name is None else name)
    return ladder if levels is None else ladder.with_levels(levels)
