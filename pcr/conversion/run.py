"""Convert an ImageFolder into a PCR dataset: plan, records on all cores, index; stop and go on at any time."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pcr.atomic import TEMPORARY_SUFFIX, atomic_path
from pcr.conversion import tfrecord
from pcr.conversion.append import Base
from pcr.conversion.directory import explained_full_disk, locked, remove_temporaries
from pcr.conversion.encode import Problem
from pcr.conversion.journal import FinishedRecord, Journal
from pcr.conversion.options import ConversionOptions
from pcr.conversion.plan import Plan
from pcr.conversion.workers import convert_records
from pcr.dataset import layout
from pcr.dataset.layout import dataset_files
from pcr.dataset.messages import DatasetInfo, RecordIndex
from pcr.dataset.writer import write_index
from pcr.errors import DatasetError, UsageError
from pcr.imagefolder import ImageFolder


@dataclass(frozen=True)
class ConversionSummary:
    """What a conversion did; sizes in bytes. ``level_bytes[k - 1]`` is level k's share of the new records.

    ``base_images`` are those of the dataset that was added to, ``resumed_records`` those of an earlier run.
    """

    images: int
    records: int
    source_bytes: int
    dataset_bytes: int
    level_bytes: tuple[int, ...]
    problems: tuple[Problem, ...]
    resumed_records: int
    base_images: int
    phase_seconds: dict[str, float] = field(default_factory=dict)


def convert(
    source: str | Path,
    output: str | Path,
    options: ConversionOptions,
    *,
    num_workers: int,
    force: bool = False,
    append: bool = False,
    progress: bool = True,
) -> ConversionSummary:
    """Convert the ImageFolder ``source`` into a dataset in directory ``output``.

    Goes on where an earlier run with the same arguments was stopped; ``force`` removes an earlier
    dataset's files first, and no others; ``append`` adds the images whose names a finished dataset
    does not have, as further records. Raises PCRError for what the caller can mend; what is finished of an
    interrupted conversion stays, and does not look like a dataset (or as the one that was added to).
    """
    source, output = Path(source), Path(output)
    if force and append:
        raise UsageError("--append: expected without --force, found both")
    if options.tf_records:
        tfrecord.check_installed()
    _check_directories(source, output)
    phases: dict[str, float] = {}
    with _timed(phases, "scan"):
        folder = ImageFolder.scan(source)
    output.mkdir(parents=True, exist_ok=True)
    with locked(output), explained_full_disk(output):
        with _timed(phases, "plan"):
            base = _open_base(output, options) if append else None
            plan = Plan.make(base.new_images(folder) if base else folder, options, base)
            plan, finished = _begin(plan, output, force)
        resumed = len(finished)
        with (
            _timed(phases, "records"),
            closing(convert_records(plan, output, resumed, num_workers, progress)) as records,
        ):
            finished += records
        with _timed(phases, "index"):
            _finish(plan, output, finished)
    return _summary(plan, finished, resumed, phases)


def _check_directories(source: Path, output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise DatasetError(f"{output}: expected an output directory, found a file")
    if output.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{output}: expected an output directory outside the input {source}")


def _open_base(output: Path, options: ConversionOptions) -> Base:
    base = Base.open(output)
    base.check(options)
    journal = Journal(output)
    if journal.path.exists() and journal.appended_to(base.records):
        journal.finish()  # killed between writing the index and this
    return base


def _begin(plan: Plan, output: Path, force: bool) -> tuple[Plan, list[FinishedRecord]]:
    """Make ready the output directory: without a dataset, with one to go on with, or with one to add to."""
    journal = Journal(output)
    existing = dataset_files(output)
    if force:
        for path in existing:
            path.unlink()
    elif journal.path.exists():
        remove_temporaries(output)
        return journal.resume(plan)
    elif plan.base is None:
        _check_no_dataset(output, existing)
    remove_temporaries(output)
    if plan.records:
        journal.begin(plan)
    return plan, []


def _check_no_dataset(output: Path, existing: Sequence[Path]) -> None:
    found = {path.name for path in existing if path.suffix != TEMPORARY_SUFFIX}
    if layout.INDEX_FILE in found:
        raise DatasetError(
            f"{output}: already holds a dataset: use --force to replace it or --append to add to it"
        )
    if found:
        raise DatasetError(f"{output}: holds {min(found)} but no index: use --force to replace it")


def _finish(plan: Plan, output: Path, finished: Sequence[FinishedRecord]) -> None:
    if not plan.records:
        return
    added = [record.index for record in finished]
    if not any(record.images for record in added):
        raise DatasetError(f"{plan.folder.root}: every image was skipped, no dataset was written")
    problems = [problem for record in finished for problem in record.problems]
    if problems:
        _write_report(output / layout.REPORT_FILE, problems, keep=plan.base is not None)
    records = [*(plan.base.records if plan.base else ()), *added]
    write_index(output, dataset_info(plan, records), records)
    Journal(output).finish()


def dataset_info(plan: Plan, records: Sequence[RecordIndex]) -> DatasetInfo:
    """What the index says of the whole dataset; one that is added to keeps its batch size and seed."""
    options = plan.options
    info = DatasetInfo(
        classes=plan.folder.classes,
        images=sum(record.images for record in records),
        records=len(records),
        levels=options.ladder.levels,
        ladder_name=options.ladder.name,
        ladder_text=options.ladder.text,
        images_per_record=options.batch_size,
        seed=options.seed,
        copied_markers=options.copy_markers,
    )
    if plan.base is None:
        return info
    old = plan.base.info
    return replace(
        info, images_per_record=old.images_per_record, seed=old.seed, ladder_name=old.ladder_name
    )


def _write_report(path: Path, problems: Sequence[Problem], keep: bool) -> None:
    """One row per problem; behind those of earlier conversions into the same dataset, if they are kept."""
    encoding = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
    rows: list[tuple[str, ...]] = [("name", "action", "reason")]
    if keep and path.exists():
        with path.open(**encoding) as file:  # type: ignore[call-overload]
            rows = [tuple(row) for row in csv.reader(file)]
    rows += [(problem.name, problem.action, problem.reason) for problem in problems]
    with atomic_path(path) as temporary, temporary.open("w", **encoding) as file:  # type: ignore[call-overload]
        csv.writer(file).writerows(dict.fromkeys(rows))


def _summary(
    plan: Plan, finished: Sequence[FinishedRecord], resumed: int, phases: dict[str, float]
) -> ConversionSummary:
    sizes = np.array([record.index.group_bytes[1:] for record in finished], dtype=np.int64)
    return ConversionSummary(
        images=sum(record.index.images for record in finished),
        records=len(finished),
        source_bytes=plan.total_source_bytes,
        dataset_bytes=sum(record.index.file_bytes for record in finished),
        level_bytes=tuple(sizes.reshape(-1, plan.options.ladder.levels).sum(axis=0).tolist()),
        problems=tuple(problem for record in finished for problem in record.problems),
        resumed_records=resumed,
        base_images=plan.base.info.images if plan.base else 0,
        phase_seconds=phases,
    )


@contextmanager
def _timed(phases: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    phases[name] = time.perf_counter() - begun
