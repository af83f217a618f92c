"""The end of a conversion: all records are safe on disk, the report and the index follow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from pcr.conversion.append import Base
from pcr.conversion.journal import FinishedRecord
from pcr.conversion.options import ConversionOptions
from pcr.conversion.summary import all_problems, write_report
from pcr.dataset import layout
from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.columns import Column
from pcr.dataset.messages import DatasetInfo
from pcr.dataset.writer import write_index
from pcr.errors import DatasetError
from pcr.storage.store import Store


def write_dataset(
    output: Store,
    source: str | os.PathLike[str],
    classes: Sequence[str],
    columns: Sequence[Column],
    options: ConversionOptions,
    finished: Sequence[FinishedRecord],
    base: Base | None = None,
) -> None:
    """Write the report, if there is anything to report, and the index.

    Raises DatasetError, naming ``source``, where there is no image.
    """
    problems = all_problems(finished)
    if not any(record.index.images for record in finished):
        raise DatasetError(
            f"{os.fspath(source)}: every image was skipped, nothing was written; the first is "
            f"{problems[0].name}: {problems[0].reason}"
        )
    if problems:
        write_report(output, problems, keep=base is not None)
    added = [record.index for record in finished]
    info = _dataset_info(classes, options, finished)
    records = added if base is None else [*base.records, *added]
    info = info if base is None else _grown(base.info, info)
    with output.placing(layout.INDEX_FILE) as path:
        write_index(path.parent, info, records, _column_indexes(columns, finished, base))


def _column_indexes(
    columns: Sequence[Column], finished: Sequence[FinishedRecord], base: Base | None
) -> list[ColumnIndex]:
    """The columns in all records, those of the base first."""
    found = []
    for place, column in enumerate(columns):
        before = base.columns[place].entries if base else []
        added = [record.columns[place] for record in finished]
        found.append(ColumnIndex.of(column, [*before, *added]))
    return found


def _dataset_info(
    classes: Sequence[str], options: ConversionOptions, finished: Sequence[FinishedRecord]
) -> DatasetInfo:
    return DatasetInfo(
        classes=tuple(classes),
        images=sum(record.index.images for record in finished),
        records=len(finished),
        levels=options.ladder.levels,
        ladder_name=options.ladder.name,
        ladder_text=options.ladder.text,
        images_per_record=options.images_per_record,
        seed=options.seed,
        copied_markers=options.copy_markers,
        source_bytes=sum(record.source_bytes for record in finished),
        restart_rows=options.restart_rows,
    )


def _grown(old: DatasetInfo, added: DatasetInfo) -> DatasetInfo:
    """Appending keeps a dataset's seed and ladder."""
    return replace(
        old,
        classes=added.classes,
        images=old.images + added.images,
        records=old.records + added.records,
        source_bytes=old.source_bytes and old.source_bytes + added.source_bytes,
    )
