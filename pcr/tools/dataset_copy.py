"""A dataset, or the first levels of it, copied to another place: in parallel, checked, resumable."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pcr.arguments import check_at_least
from pcr.dataset import layout
from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.index import decode_index
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index
from pcr.errors import DatasetError, UsageError
from pcr.progress import progress_bar
from pcr.storage.location import Location, join
from pcr.storage.lock import locked
from pcr.storage.store import Store, open_store
from pcr.tools.copy_destination import Identity, begin_copy, check_place, end_copy, is_same_place
from pcr.tools.file_copy import FileCopier
from pcr.tools.record_copy import RecordCopier, RecordCopy


@dataclass(frozen=True)
class CopySummary:
    """What a copy did. Sizes are in bytes.

    images, records, levels: of the copy. dataset_bytes: size of its records, and of the columns
    beside them. kept_records: how many were there already, whole, with their columns.
    copied_bytes: of records and columns, that were read from the source.
    retries: requests to either place that were sent again.
    """

    images: int
    records: int
    levels: int
    dataset_bytes: int
    kept_records: int
    copied_bytes: int
    retries: int


def copy(
    source: Location,
    destination: Location,
    n_scans: int | None = None,
    *,
    force: bool = False,
    read_back: bool = True,
    concurrent_reads: int = 8,
    progress: bool = True,
) -> CopySummary:
    """Copy a dataset, or the first levels of it, from any place to any other.

    source: path or URL of a finished dataset.
    destination: path or URL to copy to; ``http(s)://`` is for reading alone. A directory is made if
        missing; other files in it stay.
    n_scans: make a dataset of levels 1 … ``n_scans``, for which no other bytes are read; default:
        all levels, and the copy is identical, byte for byte. At the levels that it has, images are
        the source's.
    force: replace the dataset, or the unfinished copy or conversion, at ``destination``. Default
        False.
    read_back: read every record from the destination again, once it is there, and compare
        checksums; default True. False trusts a store that took all bytes.
    concurrent_reads: how many records are copied at once; default 8. Each needs at most 8 MiB of
        memory and 64 MiB more while it is uploaded; with ``n_scans``, three times its bytes.
    progress: show a progress bar on stderr; default True.

    Records are compared with their checksums as they are read, and become visible when they are
    complete; the index comes last. Stopped and run again with the same arguments, it keeps the
    records that are there whole, and also mends a finished copy. Raises DatasetError where there is
    something else at the destination, FormatError where the source is damaged, StorageError where a
    store fails, UsageError for a wrong argument.
    """
    check_at_least(1, concurrent_reads=concurrent_reads)
    dataset, target = Dataset(source), open_store(destination)
    level = dataset.check_level(n_scans)
    if is_same_place(dataset.store, target):
        raise UsageError(f"{target.location}: expected another place than the source")
    identity = Identity.of(dataset, level)
    check_place(target)
    with locked(target):
        sizes = begin_copy(target, dataset, identity, force=force)
        copier = RecordCopier(level, FileCopier(target, sizes, read_back=read_back))
        copies = list(_copy_records(dataset, copier, concurrent_reads, progress))
        _write_index(dataset, target, level, copies)
        end_copy(target)
    return _summarize(dataset, target, level, copies)


def _copy_records(
    dataset: Dataset, copier: RecordCopier, concurrent_reads: int, progress: bool
) -> Iterator[RecordCopy]:
    with (
        progress_bar(
            desc="Copying",
            total=sum(map(copier.bytes_to_copy, dataset.records)),
            unit="B",
            unit_scale=True,
            disable=not progress,
        ) as bar,
        ThreadPoolExecutor(concurrent_reads, thread_name_prefix="pcr-copy") as pool,
    ):
        try:
            for record, done in zip(
                dataset.records, pool.map(copier.copy, dataset.records), strict=True
            ):
                bar.update(copier.bytes_to_copy(record))
                yield done
        finally:
            pool.shutdown(cancel_futures=True)


def _write_index(dataset: Dataset, target: Store, level: int, copies: list[RecordCopy]) -> None:
    """The report, then the index, whose presence means that the dataset is finished."""
    source = dataset.store
    if source.size(layout.REPORT_FILE) is not None:
        target.write(layout.REPORT_FILE, source.read(layout.REPORT_FILE))
    if level < dataset.levels:
        info = dataset.info.first_levels(level)
        columns = [
            ColumnIndex.of(index.column, [done.columns[place] for done in copies])
            for place, index in enumerate(dataset.records.column_indexes)
        ]
        with target.placing(layout.INDEX_FILE) as path:
            write_index(path.parent, info, [done.entry for done in copies], columns)
        return
    index = source.read(layout.INDEX_FILE)
    where = join(source.location, layout.INDEX_FILE)
    records = dataset.records
    expected = (dataset.info, records.entries, records.column_indexes)
    if decode_index(index, where) != expected:
        raise DatasetError(f"{where}: has changed while it was copied: copy again with `force`")
    target.write(layout.INDEX_FILE, index)


def _summarize(
    dataset: Dataset, target: Store, level: int, copies: list[RecordCopy]
) -> CopySummary:
    return CopySummary(
        images=len(dataset),
        records=len(copies),
        levels=level,
        dataset_bytes=sum(done.file_bytes for done in copies),
        kept_records=sum(done.was_there for done in copies),
        copied_bytes=sum(done.copied_bytes for done in copies),
        retries=dataset.store.counters.retries + target.counters.retries,
    )
