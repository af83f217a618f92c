"""What a conversion did, and the report of images that it could not take as they were."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pcr.atomic import atomic_path
from pcr.conversion.encode import Problem
from pcr.conversion.journal import FinishedRecord
from pcr.conversion.plan import Plan
from pcr.regular_file import named_errors


@dataclass(frozen=True)
class ConversionSummary:
    """What a conversion did. All sizes are in bytes and count the new records only.

    images, records: how many were written, those of an interrupted earlier run included.
    classes: the dataset's class names; the position is the label.
    empty_classes: those of them whose images were all skipped.
    source_bytes: size of the source files of the images in the new records.
    dataset_bytes: size of the new records.
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
    levels = plan.options.ladder.levels
    sizes = np.array([record.index.group_bytes[1:] for record in finished], dtype=np.int64)
    found = all_problems(finished)
    return ConversionSummary(
        images=sum(record.index.images for record in finished),
        records=len(finished),
        classes=plan.folder.classes,
        empty_classes=_empty_classes(plan, found),
        source_bytes=sum(record.source_bytes for record in finished),
        dataset_bytes=sum(record.index.file_bytes for record in finished),
        level_bytes=tuple(sizes.reshape(-1, levels).sum(axis=0).tolist()),
        problems=found,
        resumed_records=resumed_records,
        base_images=plan.base.info.images if plan.base else 0,
        phase_seconds=phase_seconds,
    )


def all_problems(finished: Sequence[FinishedRecord]) -> tuple[Problem, ...]:
    """The problems of all records, in order."""
    return tuple(problem for record in finished for problem in record.problems)


def write_report(path: Path, problems: Sequence[Problem], keep: bool) -> None:
    """One row per problem, after those of earlier conversions into the same dataset if ``keep``."""
    encoding = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
    rows: list[tuple[str, ...]] = [("name", "action", "reason")]
    if keep and path.exists():
        with named_errors(path), path.open(**encoding) as file:  # type: ignore[call-overload]
            rows = [tuple(row) for row in csv.reader(file)]
    rows += [(problem.name, problem.action, problem.reason) for problem in problems]
    with atomic_path(path) as temporary, temporary.open("w", **encoding) as file:  # type: ignore[call-overload]
        csv.writer(file).writerows(dict.fromkeys(rows))


def _empty_classes(plan: Plan, problems: Sequence[Problem]) -> tuple[str, ...]:
    """Classes that got no image, now or before."""
    images = Counter(sample.label for sample in plan.samples)
    label_of = {sample.name: sample.label for sample in plan.samples} if problems else {}
    images.subtract(label_of[p.name] for p in problems if p.action == "skipped")
    known = len(plan.base.info.classes) if plan.base else 0
    labels = sorted(label for label, count in images.items() if count == 0 and label >= known)
    return tuple(plan.folder.classes[label] for label in labels)
