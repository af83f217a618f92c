"""``pcr convert`` and ``PCR_Converter_advanced.py``: an ImageFolder of JPEGs into a PCR dataset."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

from pcr.atomic import atomic_path
from pcr.cli.command import printable
from pcr.cli.flags import add_advanced_flags, add_basic_flags, make_options
from pcr.conversion.run import ConversionSummary, convert
from pcr.dataset import layout
from pcr.dataset.reader import Dataset

HELP = "Convert an ImageFolder of JPEGs into Progressive Compressed Records, without loss."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the basic flags and the paper's experimental knobs."""
    add_basic_flags(parser)
    add_advanced_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Convert, print what was done, and write the seconds of each phase as JSON."""
    timings = run_conversion(arguments)
    with atomic_path(arguments.output_directory / layout.TIMINGS_FILE) as temporary:
        temporary.write_text(json.dumps(timings, indent=2) + "\n", encoding="ascii")


def run_conversion(arguments: argparse.Namespace) -> dict[str, Any]:
    """Convert as the arguments say and print what was done; what it took, in seconds per phase."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # what is wrong with an image is reported
    output = arguments.output_directory
    options = make_options(arguments)
    try:
        summary = convert(
            arguments.input_dataset,
            output,
            options,
            num_workers=arguments.pool_size or arguments.num_workers,
            force=arguments.force,
            append=arguments.append,
            progress=not arguments.quiet,
        )
    except KeyboardInterrupt as interrupt:
        if not (output / layout.PLAN_FILE).exists():
            raise
        what = interrupt.args[0] if interrupt.args else "interrupted"
        raise KeyboardInterrupt(
            f"{what}: the same command again (without --force) goes on behind the last whole record"
        ) from None
    seconds = dict(summary.phase_seconds)
    print_summary(summary, output)
    if arguments.mssim_estimate_size > 0:
        begun = time.perf_counter()
        _measure_quality(output, arguments.mssim_estimate_size, options.seed, arguments.quiet)
        seconds["mssim"] = time.perf_counter() - begun
    return {"images": summary.images, "records": summary.records, "seconds": seconds}


def print_summary(summary: ConversionSummary, output: Path) -> None:
    """Images, records, bytes in and out, bytes per level, seconds per phase."""
    added = f" added to {summary.base_images}" if summary.base_images else ""
    before = f" ({summary.resumed_records} of them from before)" if summary.resumed_records else ""
    print(
        f"{printable(output)}: {summary.images} images{added} in {summary.records} records{before}"
    )
    for phase, seconds in summary.phase_seconds.items():
        print(f"  {phase:<9}{seconds:>18.2f} s")
    if summary.images == 0:
        return
    ratio = summary.dataset_bytes / summary.source_bytes
    print(f"  bytes in {summary.source_bytes:>18,}")
    print(f"  bytes out{summary.dataset_bytes:>18,}  ({ratio:.3f} of the sources)")
    print("  level           bytes   up to it   share of sources")
    total = 0
    for level, size in enumerate(summary.level_bytes, start=1):
        total += size
        print(f"  {level:>5}{size:>16,}{total:>16,}{total / summary.source_bytes:>9.3f}")
    if summary.problems:
        skipped = sum(problem.action == "skipped" for problem in summary.problems)
        print(
            f"  {skipped} images skipped, {len(summary.problems) - skipped} re-encoded: "
            f"{printable(output / layout.REPORT_FILE)}"
        )


def _measure_quality(output: Path, images: int, seed: int, quiet: bool) -> None:
    from pcr.tools.level_profile import (  # pandas: only where it is needed
        profile_quality,
        write_table,
    )

    table = profile_quality(Dataset(output), images, seed=seed, progress=not quiet)
    write_table(output / layout.QUALITY_FILE, table)
    print(table.to_string(index=False, float_format="{:.4f}".format))
