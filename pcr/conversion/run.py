"""Convert an ImageFolder into a PCR dataset: plan, records on all cores, index; resumable."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from pcr.arguments import check_at_least
from pcr.conversion import tfrecord
from pcr.conversion.append import Base
from pcr.conversion.directory import (
    check_directories,
    check_no_dataset,
    explained_limits,
    locked,
    remove_dataset,
    remove_temporaries,
)
from pcr.conversion.journal import FinishedRecord, Journal
from pcr.conversion.options import ConversionOptions
from pcr.conversion.plan import Plan
from pcr.conversion.summary import ConversionSummary as ConversionSummary
from pcr.conversion.summary import all_problems, summarize, write_report
from pcr.conversion.unfinished import check_no_unfinished_append, drop_unfinished
from pcr.conversion.workers import convert_records
from pcr.cores import usable_cores
from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index
from pcr.errors import DatasetError, UsageError
from pcr.imagefolder import ImageFolder

_SPLIT_NAMES = ("train", "training", "val", "valid", "validation", "test", "testing")


def convert(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    options: ConversionOptions | None = None,
    *,
    num_workers: int | None = None,
    force: bool = False,
    append: bool = False,
    restart: bool = False,
    progress: bool = True,
) -> ConversionSummary:
    """Convert an ImageFolder of JPEGs into a PCR dataset, without loss.

    source: folder with one sub-folder of JPEGs per class; never changed, except with
        ``options.convert_images``.
    output: directory of the dataset, outside of ``source``; made if missing.
    options: what to write; default ``ConversionOptions()``, or with ``append`` the options that the
        dataset was made with.
    num_workers: threads that encode; default: all cores that this process may use.
    force: replace the dataset in ``output``; other files stay. Refused where an append to it is
        unfinished, unless with ``restart``. Default False.
    append: add the images whose names the dataset in ``output`` does not have, as further records.
        Default False.
    restart: drop what an interrupted run left unfinished, instead of resuming it; a finished
        dataset stays. Default False.
    progress: show a progress bar on stderr; default True.

    Resumes where an earlier run with the same arguments was stopped. Warns (UserWarning) where the
    classes look like the splits of a dataset. Raises PCRError for what the caller can fix; the
    records that are finished stay, and do not look like a dataset until all are.
    """
    source, output = Path(source), Path(output)
    _check_arguments(num_workers, force, append)
    check_directories(source, output)
    options = _complete(options, output, append)
    phases: dict[str, float] = {}
    with _timed(phases, "scan"):
        folder = ImageFolder.scan(source)
    _warn_of_splits(folder)
    output.mkdir(parents=True, exist_ok=True)
    with locked(output), explained_limits(output):
        with _timed(phases, "plan"):
            plan = _plan(folder, output, options, append, restart)
            plan, finished = _begin(plan, output, force, restart)
        resumed, workers = len(finished), num_workers or usable_cores()
        with (
            _timed(phases, "records"),
            closing(convert_records(plan, output, resumed, workers, progress)) as records,
        ):
            finished += records
        with _timed(phases, "index"):
            _finish(plan, output, finished)
    return summarize(plan, finished, resumed, phases)


def _check_arguments(num_workers: int | None, force: bool, append: bool) -> None:
    if num_workers is not None:
        check_at_least(1, num_workers=num_workers)
    if force and append:
        raise UsageError("cannot be combined with `force`", "append")


def _complete(options: ConversionOptions | None, output: Path, append: bool) -> ConversionOptions:
    base = Dataset(output).info if append else None
    if options is None:
        options = ConversionOptions.of_dataset(base) if base else ConversionOptions()
    if options.tf_records:
        tfrecord.check_installed()
    return options


def _warn_of_splits(folder: ImageFolder) -> None:
    splits = [name for name in folder.classes if name.lower() in _SPLIT_NAMES]
    if len(splits) > 1 or splits == list(folder.classes):
        warnings.warn(
            f"{folder.root}: its sub-folders {' and '.join(splits)} look like the splits of a "
            "dataset, but become classes here: to convert each of them separately, begin with "
            f"{folder.root / splits[0]}",
            stacklevel=3,
        )


def _plan(
    folder: ImageFolder, output: Path, options: ConversionOptions, append: bool, restart: bool
) -> Plan:
    if not append:
        return Plan.make(folder, options)
    base = Base.open(output)
    base.check(options)
    journal = Journal(output)
    if not restart and journal.path.exists() and journal.completed(base.records):
        journal.finish()  # killed between writing the index and this
    return Plan.make(base.new_images(folder), options, base)


def _begin(
    plan: Plan, output: Path, force: bool, restart: bool
) -> tuple[Plan, list[FinishedRecord]]:
    """Prepare the output directory: empty, with a conversion to resume, or a dataset to add to."""
    journal = Journal(output)
    if force:
        if not restart:
            check_no_unfinished_append(output)
        remove_dataset(output)
    elif restart:
        drop_unfinished(output, plan.base)
    if journal.path.exists():
        remove_temporaries(output)
        return journal.resume(plan)
    if plan.base is None:
        check_no_dataset(output)
    remove_temporaries(output)
    if plan.records:
        journal.begin(plan)
    return plan, []


def _finish(plan: Plan, output: Path, finished: Sequence[FinishedRecord]) -> None:
    if not plan.records:
        return
    problems = all_problems(finished)
    if not any(record.index.images for record in finished):
        drop_unfinished(output, plan.base)
        raise DatasetError(
            f"{plan.folder.root}: every image was skipped, nothing was written; the first is "
            f"{problems[0].name}: {problems[0].reason}"
        )
    if problems:
        write_report(output / layout.REPORT_FILE, problems, keep=plan.base is not None)
    added = [record.index for record in finished]
    records = [*(plan.base.records if plan.base else ()), *added]
    write_index(output, _dataset_info(plan, finished), records)
    Journal(output).finish()


def _dataset_info(plan: Plan, finished: Sequence[FinishedRecord]) -> DatasetInfo:
    """What the index says of the whole dataset; appending keeps its seed and ladder."""
    options = plan.options
    info = DatasetInfo(
        classes=plan.folder.classes,
        images=sum(record.index.images for record in finished),
        records=len(finished),
        levels=options.ladder.levels,
        ladder_name=options.ladder.name,
        ladder_text=options.ladder.text,
        images_per_record=options.images_per_record,
        seed=options.seed,
        copied_markers=options.copy_markers,
        source_bytes=sum(record.source_bytes for record in finished),
    )
    if plan.base is None:
        return info
    old = plan.base.info
    return replace(
        old,
        classes=info.classes,
        images=old.images + info.images,
        records=old.records + info.records,
        source_bytes=old.source_bytes and old.source_bytes + info.source_bytes,
    )


@contextmanager
def _timed(phases: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    phases[name] = time.perf_counter() - begun
