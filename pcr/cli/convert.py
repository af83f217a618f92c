"""``pcr convert`` and ``PCR_Converter_advanced.py``: an ImageFolder of JPEGs into a PCR dataset."""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from pcr.cli.flags import (
    add_advanced_flags,
    add_basic_flags,
    add_shard_flags,
    make_options,
)
from pcr.cli.profile import table_lines
from pcr.cli.text import counted, level_table, name_list, printable
from pcr.conversion.run import convert
from pcr.conversion.sharing import Engine
from pcr.conversion.summary import ConversionSummary
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.storage.location import join
from pcr.storage.store import Store, open_store

HELP = "Convert JPEGs into Progressive Compressed Records, without loss."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the basic flags, the advanced converter's, and those of conversions by many machines."""
    add_basic_flags(parser)
    add_advanced_flags(parser)
    add_shard_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Convert, print what was done, and write the seconds of each phase as JSON."""
    timings = run_conversion(arguments, arguments.shard, arguments.engine, arguments.ray_address)
    if arguments.shard is not None:
        return  # shards would replace each other's timings
    text = json.dumps(timings, indent=2) + "\n"
    open_store(arguments.output_directory).write(layout.TIMINGS_FILE, text.encode("ascii"))


def run_conversion(
    arguments: argparse.Namespace,
    shard: tuple[int, int] | None = None,
    engine: Engine = "local",
    ray_address: str | None = None,
) -> dict[str, Any]:
    """Convert as the arguments say and print what was done; what it took, in seconds per phase."""
    output = open_store(arguments.output_directory)
    options = make_options(arguments)
    if shard is not None and arguments.mssim_estimate_size > 0:
        raise UsageError(
            "cannot be combined with `shard`: run pcr profile when the dataset is merged",
            "mssim_estimate_size",
        )
    with _warnings_as_lines(), _resumable(output, shard), _without_notices(engine):
        summary = convert(
            arguments.input_dataset,
            arguments.output_directory,
            options,
            num_workers=arguments.num_workers,
            force=arguments.force,
            append=arguments.append,
            restart=arguments.restart,
            shard=shard,
            engine=engine,
            ray_address=ray_address,
            progress=not arguments.quiet,
        )
    seconds = dict(summary.phase_seconds)
    print("\n".join(_lines(summary, output, shard)))
    if arguments.mssim_estimate_size > 0:
        begun = time.perf_counter()
        _measure_quality(output, arguments.mssim_estimate_size, options.seed, arguments.quiet)
        seconds["mssim"] = time.perf_counter() - begun
    return {"images": summary.images, "records": summary.records, "seconds": seconds}


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """The library's warnings as one line each; Pillow's are left to the report of bad images."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"warning: {printable(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.showwarning = show
        yield


@contextmanager
def _without_notices(engine: Engine) -> Iterator[None]:
    """Ray prints on stdout, among them that it repeats a task; nothing else does in the meantime."""
    if engine == "local":
        yield
        return
    with redirect_stdout(io.StringIO()):
        yield


@contextmanager
def _resumable(output: Store, shard: tuple[int, int] | None) -> Iterator[None]:
    """Say how to resume where a signal stops the conversion."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        plan = layout.shard_plan_file(*shard) if shard else layout.PLAN_FILE
        if output.size(plan) is None and (shard or not layout.shard_plans(output)):
            raise
        what = interrupt.args[0] if interrupt.args else "interrupted"
        raise KeyboardInterrupt(
            f"{what}: run the same command again, without --force or --restart, to resume after "
            "the last complete record"
        ) from None


def _lines(
    summary: ConversionSummary, output: Store, shard: tuple[int, int] | None
) -> Iterator[str]:
    yield from summary_lines(summary, output, f"shard {shard[0]}/{shard[1]}: " if shard else "")
    if shard:
        yield (
            f"  when all {shard[1]} shards are converted: pcr merge {printable(output.location)}"
        )


def summary_lines(summary: ConversionSummary, output: Store, what: str = "") -> Iterator[str]:
    """Images, records, classes, bytes in and out, bytes per level, seconds per phase, problems."""
    yield f"{printable(output.location)}: {what}{_what_was_written(summary)}"
    yield f"  {counted(len(summary.classes), 'class', 'classes')}: {name_list(summary.classes, 60)}"
    for phase, seconds in summary.phase_seconds.items():
        yield f"  {phase:<9}{seconds:>18.2f} s"
    if summary.images:
        share = summary.dataset_bytes / summary.source_bytes
        yield f"  sources  {summary.source_bytes:>18,} bytes"
        yield f"  dataset  {summary.dataset_bytes:>18,} bytes, {share:.3f} of the sources"
        yield from level_table(summary.level_bytes, summary.source_bytes)
    if summary.problems:
        found = Counter(problem.action for problem in summary.problems)
        left_alone = found["not rewritten"]
        yield (
            f"  {counted(found['skipped'], 'image')} skipped, {found['re-encoded']} re-encoded"
            + f", {counted(left_alone, 'source')} not rewritten" * bool(left_alone)
            + f": see {printable(join(output.location, layout.REPORT_FILE))}"
        )
    if summary.empty_classes:
        count = counted(len(summary.empty_classes), "class", "classes")
        yield f"  {count} without an image, because all were skipped:"
        yield f"    {name_list(summary.empty_classes, 76)}"


def _what_was_written(summary: ConversionSummary) -> str:
    written = f"{counted(summary.images, 'image')} in {counted(summary.records, 'record')}"
    if summary.base_images:
        written += f", added to {counted(summary.base_images, 'image')}"
    if summary.resumed_records:
        written += f" ({counted(summary.resumed_records, 'record')} from an earlier run)"
    return written


def _measure_quality(output: Store, images: int, seed: int, quiet: bool) -> None:
    from pcr.tools.level_profile import profile_levels, write_table  # pandas takes a second

    profile = profile_levels(Dataset(output), images, seed=seed, tries=0, progress=not quiet)
    with output.placing(layout.QUALITY_FILE) as path:
        write_table(path, profile.table)
    print("\n".join(table_lines(profile)))
    print(f"{printable(join(output.location, layout.QUALITY_FILE))}: this table")
