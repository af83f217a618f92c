"""What a conversion did, and the report of images that it could not take as they were."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pcr.conversion.encode import Problem
from pcr.conversion.journal import FinishedRecord
from pcr.conversion.plan import Plan
from pcr.dataset import layout
from pcr.dataset.messages import RecordIndex
from pcr.dataset.reader import Dataset
from pcr.storage.store import Store

_REPORT_COLUMNS = ("name", "action", "reason")


@dataclass(frozen=True)
class ConversionSummary:
    """What a conversion did. All sizes are in bytes and count the new records only.

    images, records: how many were written, those of an interrupted earlier run included.
    classes: the dataset's class names; the position is the label.
    empty_classes: those of them whose images were all skipped.
    source_bytes: size of the source files of the images in the new records.
    dataset_bytes: size of the new records, and of the columns beside them.
    level_bytes: size of each level; entry k - 1 is level k's.
    problems: the images that were skipped or re-encoded, and sources that were not rewritten.
    resumed_records: how many of the records an interrupted earlier run had written.
    base_images: how many images the dataset had before; 0 unless appending.
    phase_seconds: elapsed seconds of each phase: scan, plan, records, index.
    """

    images: int
    records: int
    classes: tuple[str, ...]
    empty_classes: tuple[str, ...]
    source_bytes: int
    dataset_bytes: int
    level_bytes: tuple[int, ...]
    problems: tuple[Problem, ...]
    resumed_records: int
    base_images: int
    phase_seconds: dict[str, float]


def summarize(
    plan: Plan,
    finished: Sequence[FinishedRecord],
    resumed_records: int,
    phase_seconds: dict[str, float],
) -> ConversionSummary:
    """Add up what was written."""
    entries, found = [record.index for record in finished], all_problems(finished)
    return ConversionSummary(
        images=sum(entry.images for entry in entries),
        records=len(entries),
        classes=plan.source.classes,
        empty_classes=_empty_classes(plan, found) if plan.shard is None else (),
        source_bytes=sum(record.source_bytes for record in finished),
        dataset_bytes=sum(entry.file_bytes for entry in entries) + _beside_bytes(plan, finished),
        level_bytes=_level_bytes(entries, plan.options.ladder.levels),
        problems=found,
        resumed_records=resumed_records,
        base_images=plan.base.info.images if plan.base else 0,
        phase_seconds=phase_seconds,
    )


def _beside_bytes(plan: Plan, finished: Sequence[FinishedRecord]) -> int:
    beside = [place for place, column in enumerate(plan.columns) if column.beside]
    return sum(record.columns[place].prefix_bytes for record in finished for place in beside)


def summarize_dataset(dataset: Dataset, phase_seconds: dict[str, float]) -> ConversionSummary:
    """Add up what a finished dataset holds, and its report."""
    entries = dataset.records.entries
    problems = read_report(dataset.store)
    skipped = any(problem.action == "skipped" for problem in problems)
    return ConversionSummary(
        images=len(dataset),
        records=len(entries),
        classes=dataset.classes,
        empty_classes=_unused_classes(dataset) if skipped else (),
        source_bytes=dataset.info.source_bytes,
        dataset_bytes=dataset.file_bytes,
        level_bytes=_level_bytes(entries, dataset.levels),
        problems=problems,
        resumed_records=0,
        base_images=0,
        phase_seconds=phase_seconds,
    )


def _level_bytes(entries: Sequence[RecordIndex], levels: int) -> tuple[int, ...]:
    sizes = np.array([entry.group_bytes[1:] for entry in entries], dtype=np.int64)
    return tuple(sizes.reshape(-1, levels).sum(axis=0).tolist())


def all_problems(finished: Sequence[FinishedRecord]) -> tuple[Problem, ...]:
    """The problems of all records, in order."""
    return tuple(problem for record in finished for problem in record.problems)


def write_report(output: Store, problems: Sequence[Problem], keep: bool) -> None:
    """One row per problem, after those of earlier conversions into the same dataset if ``keep``."""
    rows = [(problem.name, problem.action, problem.reason) for problem in problems]
    rows = [*(_report_rows(output) if keep else [_REPORT_COLUMNS]), *rows]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(dict.fromkeys(rows))
    output.write(layout.REPORT_FILE, text.getvalue().encode(errors="surrogateescape"))


def read_report(store: Store) -> tuple[Problem, ...]:
    """The problems that `write_report` wrote; none where there is no report."""
    return tuple(Problem(*row) for row in _report_rows(store)[1:])  # type: ignore[arg-type]


def _report_rows(store: Store) -> list[tuple[str, ...]]:
    if store.size(layout.REPORT_FILE) is None:
        return [_REPORT_COLUMNS]
    text = store.read(layout.REPORT_FILE).decode(errors="surrogateescape")
    return [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))]


def _unused_classes(dataset: Dataset) -> tuple[str, ...]:
    used = {label for record in dataset.records for label in record.info().labels.tolist()}
    return tuple(name for label, name in enumerate(dataset.classes) if label not in used)


def _empty_classes(plan: Plan, problems: Sequence[Problem]) -> tuple[str, ...]:
    """Classes that got no image, now or before."""
    images = Counter(sample.label for sample in plan.samples)
    label_of = {sample.name: sample.label for sample in plan.samples} if problems else {}
    images.subtract(label_of[p.name] for p in problems if p.action == "skipped")
    known = len(plan.base.info.classes) if plan.base else 0
    labels = sorted(label for label, count in images.items() if count == 0 and label >= known)
    return tuple(plan.source.classes[label] for label in labels)
