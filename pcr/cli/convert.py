"""``pcr convert``: an ImageFolder of JPEGs into a PCR dataset."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pcr import format as layout
from pcr.cli.command import parse_bool
from pcr.convert import ConversionSummary, convert
from pcr.ladder import Ladder, shipped_names
from pcr.plan import ConversionOptions
from pcr.profile import profile_quality, write_table
from pcr.reader import Dataset

HELP = "Convert an ImageFolder of JPEGs into Progressive Compressed Records, without loss."
DEFAULT_LADDER = "standard"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the converter's arguments."""
    add = parser.add_argument
    add("input_dataset", type=Path, help="folder with one sub-folder of JPEGs per class")
    add("output_directory", type=Path, help="where PCR.db and the records go")
    add("--batch_size", type=int, default=1024, help="images per record (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the order of images (default: %(default)s)")
    add(
        "--ladder",
        default=DEFAULT_LADDER,
        metavar="NAME|FILE",
        help=f"scan script: {', '.join(shipped_names())} or a file (default: %(default)s)",
    )
    add(
        "--num_workers",
        type=_positive,
        default=_cores(),
        help="threads that encode (default: all cores, here %(default)s)",
    )
    add(
        "--mssim_estimate_size",
        type=int,
        default=0,
        metavar="N",
        help="measure each level's MS-SSIM on N images, print it and write it to "
        f"{layout.QUALITY_FILE} (default: %(default)s)",
    )
    add("--force", action="store_true", help="replace the PCR files in the output directory")
    add(
        "--convert_images",
        type=parse_bool,
        nargs="?",
        const=True,
        default=False,
        metavar="True|False",
        help="also rewrite the source files in place as progressive JPEGs (default: they are never touched)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Convert, then print the summary."""
    options = ConversionOptions(
        ladder=Ladder.load(arguments.ladder),
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        convert_images=arguments.convert_images,
    )
    convert_and_report(arguments, options)


def convert_and_report(arguments: argparse.Namespace, options: ConversionOptions) -> None:
    """Run the conversion that the arguments describe and print what it did."""
    output = arguments.output_directory
    try:
        summary = convert(
            arguments.input_dataset,
            output,
            options,
            num_workers=arguments.num_workers,
            force=arguments.force,
        )
    except KeyboardInterrupt as interrupt:
        if not (output / layout.PLAN_FILE).exists():
            raise
        what = interrupt.args[0] if interrupt.args else "interrupted"
        raise KeyboardInterrupt(
            f"{what}: the same command again goes on behind the last whole record"
        ) from None
    print_summary(summary, output)
    if arguments.mssim_estimate_size > 0:
        table = profile_quality(Dataset(output), arguments.mssim_estimate_size, seed=options.seed)
        write_table(output / layout.QUALITY_FILE, table)
        print(table.to_string(index=False, float_format="{:.4f}".format))


def print_summary(summary: ConversionSummary, output: Path) -> None:
    """Images, records, bytes in and out, bytes per level."""
    ratio = summary.dataset_bytes / summary.source_bytes
    seconds = sum(summary.phase_seconds.values())
    print(f"{output}: {summary.images} images in {summary.records} records", end="")
    print(f" ({summary.resumed_records} of them from before)" if summary.resumed_records else "")
    print(f"  bytes in   {summary.source_bytes:>16,}")
    print(f"  bytes out  {summary.dataset_bytes:>16,}  ({ratio:.3f} of the sources)")
    print(f"  seconds    {seconds:>16.1f}")
    print("  level           bytes   up to it   share of sources")
    total = 0
    for level, size in enumerate(summary.level_bytes, start=1):
        total += size
        print(f"  {level:>5}{size:>16,}{total:>16,}{total / summary.source_bytes:>9.3f}")
    if summary.problems:
        skipped = sum(problem.action == "skipped" for problem in summary.problems)
        print(
            f"  {skipped} images skipped, {len(summary.problems) - skipped} re-encoded: "
            f"{output / layout.REPORT_FILE}"
        )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
