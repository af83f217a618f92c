"""One shard of a conversion: some of its records, beside other shards in the same directory.

Shards share nothing but the directory. Each has a plan file, which is its journal too, and holds a
lock of its own while it runs; all of them make the same plan, and compare it with a neighbour's.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pcr.conversion.directory import explained_limits, is_temporary, remove_temporaries
from pcr.conversion.journal import FinishedRecord, Journal, changed_option, plan_header
from pcr.conversion.plan import Plan
from pcr.conversion.workers import convert_records
from pcr.dataset import layout
from pcr.dataset.columns import Column
from pcr.dataset.record import Record
from pcr.errors import DatasetError, FormatError
from pcr.storage.local import LocalStore
from pcr.storage.location import join
from pcr.storage.lock import locked
from pcr.storage.store import Store


class ShardBusyError(DatasetError):
    """Another process holds the shard."""


def convert_shard(
    plan: Plan,
    output: Store,
    num_workers: int,
    progress: bool = False,
    follow: Callable[[int], None] = lambda records: None,
) -> tuple[list[FinishedRecord], int]:
    """Convert a plan's part; its records, and how many of them an earlier run had written.

    ``follow`` is told how many records are finished whenever that changes. Raises DatasetError
    where the place holds anything but shards of this plan, ShardBusyError where another process
    converts this one.
    """
    shard = plan.shard
    assert shard is not None
    with shard_locked(output, shard.index, shard.count), explained_limits(output):
        finished = begin_shard(plan, output)
        resumed = len(finished)
        follow(resumed)
        with closing(convert_records(plan, output, resumed, num_workers, progress)) as records:
            for record in records:
                finished.append(record)
                follow(len(finished))
    return finished, resumed


@contextmanager
def shard_locked(output: Store, index: int, count: int) -> Iterator[None]:
    """Hold one shard; others may hold theirs. The lock ends with the process, however that ends.

    One byte of one file per shard: such locks are known to network file systems too. Raises
    ShardBusyError where another process holds the shard, DatasetError where one holds the whole
    directory, and where there is anything but shards.
    """
    with locked(output, shared=True):
        check_free(output)
        if not isinstance(output, LocalStore):
            yield
            return
        directory = output.root
        descriptor = os.open(directory / layout.SHARDS_LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, index)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            raise ShardBusyError(
                f"{directory}: another process is converting shard {index}/{count}: "
                "wait for it to end"
            ) from None
        except OSError:
            pass  # a file system without locks
        try:
            yield
        finally:
            os.close(descriptor)


def begin_shard(plan: Plan, output: Store) -> list[FinishedRecord]:
    """Prepare the place for a shard that is held; its records that are finished.

    A record that is not as the journal says is written again, and those after it. Raises
    DatasetError where the directory holds anything else, or shards of another plan.
    """
    _check_neighbours(plan, output)
    journal = Journal.of(plan, output)
    finished = _intact(plan, output, journal.read()[1]) if journal.exists() else []
    remove_temporaries(output, range(plan.first_record, plan.first_record + plan.records))
    journal.begin(plan, finished)
    return finished


def check_record(
    output: Store, number: int, record: FinishedRecord, columns: Sequence[Column]
) -> None:
    """Raise FormatError or OSError where a record, or a column beside it, is not as it was written.

    Compared are the sizes of the files and the checksum of the metadata, which holds the sizes of
    all images at all levels.
    """
    written = Record(output, number, record.index, num_classes=layout.MAX_CLASSES)
    sizes = {written.name: record.index.file_bytes}
    for column, entry in zip(columns, record.columns, strict=True):
        if column.beside:
            file = layout.column_file(number, column.name, column.version)
            sizes[file] = entry.prefix_bytes
    for name, expected in sizes.items():
        found = output.size(name)
        if found != expected:
            what = "none" if found is None else f"{found} bytes"
            raise FormatError(
                f"{join(output.location, name)}: expected {layout.kind(name)} of {expected} bytes, "
                f"found {what}"
            )
    written.info()


def check_same_plan(location: str, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Raise DatasetError where the headers of two runs of shards are not of one plan."""
    option = changed_option(found, expected)
    same_shard = found["shard"]["index"] == expected["shard"]["index"]
    if not same_shard and changed_option(expected, found) is None:
        option = None  # a shard without bad images is the same whatever is done with them
    what, of = None, found["shard"]["index"]
    if option is not None:
        what = f"shard {of} began with {option}"
    elif found["versions"] != expected["versions"]:
        what = f"shard {of} was made by {found['versions']}, not {expected['versions']}"
    elif found["fingerprint"] != expected["fingerprint"]:
        what = f"the names, sizes or times of the sources have changed since shard {of} began"
    elif found["shard"]["plan_digest"] != expected["shard"]["plan_digest"]:
        what = f"shard {of} has other images in its records: use the same NumPy on all machines"
    if what is not None:
        raise DatasetError(
            f"{location}: expected shards of one plan, but {what}: convert all shards alike, or "
            "delete the directory to start over"
        )


def check_free(output: Store) -> None:
    """Raise DatasetError where there is anything but shards."""
    files = {name for name in layout.dataset_files(output) if not is_temporary(name)}
    found = files - {layout.SHARDS_LOCK_FILE}
    if layout.INDEX_FILE in found:
        what = "a dataset"
    elif layout.PLAN_FILE in found:
        what = "an unfinished conversion that began without `shard`"
    elif found and not layout.shard_plans(output):  # a shard's records follow its plan
        what = min(found)
    else:
        return
    raise DatasetError(
        f"{output.location}: already holds {what}: shards need another output directory"
    )


def _check_neighbours(plan: Plan, output: Store) -> None:
    """Compare with the shard's own earlier run, and with one other shard; merging compares all."""
    shard = plan.shard
    assert shard is not None
    plans = layout.shard_plans(output)
    for _, count in plans:
        if count != shard.count:
            raise DatasetError(
                f"{output.location}: expected one of {count} shards, as began here, found "
                f"`shard={shard}`: convert all shards alike, or delete the directory to start over"
            )
    own = (shard.index, shard.count)
    others = [key for key in plans if key != own]
    for key in [*(key for key in plans if key == own), *others[:1]]:
        check_same_plan(output.location, Journal(output, key).read()[0], plan_header(plan))


def _intact(plan: Plan, output: Store, finished: list[FinishedRecord]) -> list[FinishedRecord]:
    for position, record in enumerate(finished):
        try:
            check_record(output, plan.first_record + position, record, plan.columns)
        except (FormatError, OSError):
            return finished[:position]
    return finished
