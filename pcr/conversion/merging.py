"""Make one dataset of the shards of a conversion: check that all are there, write the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pcr.arguments import check_at_least
from pcr.conversion.completion import write_dataset
from pcr.conversion.directory import explained_limits, remove_temporaries
from pcr.conversion.journal import FinishedRecord, Journal, columns_of
from pcr.conversion.options import ConversionOptions
from pcr.conversion.phases import timed
from pcr.conversion.plan import shard_records
from pcr.conversion.shards import check_record, check_same_plan
from pcr.conversion.summary import ConversionSummary, summarize_dataset
from pcr.cores import usable_cores
from pcr.dataset import layout
from pcr.dataset.columns import Column
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError, FormatError, describe
from pcr.ladder import Ladder
from pcr.storage.local import LocalStore
from pcr.storage.location import Location, join
from pcr.storage.lock import locked
from pcr.storage.store import Store, open_store

_MOST_NAMED = 3


@dataclass(frozen=True)
class _Part:
    """What the plan file of one shard says."""

    header: dict[str, Any]
    finished: Sequence[FinishedRecord]


def merge(output: Location, *, num_workers: int | None = None) -> ConversionSummary:
    """Make one dataset of all shards that were converted into a directory.

    output: the directory or URL. num_workers: threads that check records; default: all cores that this
    process may use.

    Checks that all shards are of one plan and that each of its records is there: the size of its
    file and the checksum of its metadata. (``verify`` reads all bytes.) Then writes the report and
    the index, byte for byte those of a conversion in one go, and removes the shards' plan files.
    May be killed and repeated; a dataset that is merged stays as it is.

    Raises DatasetError, naming the shards and what to run, where some are missing, unfinished or of
    another plan, FormatError where a plan file is damaged.
    """
    if num_workers is not None:
        check_at_least(1, num_workers=num_workers)
    return merge_shards(open_store(output), num_workers or usable_cores())


def merge_shards(store: Store, num_workers: int) -> ConversionSummary:
    """Do what `merge` says."""
    phases: dict[str, float] = {}
    if isinstance(store, LocalStore) and not store.root.is_dir():
        raise DatasetError(
            f"{store.location}: expected a directory of converted shards, found none"
        )
    with locked(store), explained_limits(store):
        if store.size(layout.INDEX_FILE) is None:
            with timed(phases, "check"):
                parts = _parts(store)
                _check_records(store, parts, num_workers)
            with timed(phases, "index"):
                header = parts[0].header
                finished = [record for part in parts for record in part.finished]
                classes, columns = header["classes"], columns_of(header)
                options = _options(header)
                write_dataset(store, header["source"], classes, columns, options, finished)
        _forget_shards(store)
    return summarize_dataset(Dataset(store), phases)


def _parts(output: Store) -> list[_Part]:
    """All shards in order; DatasetError where they are not all there, finished and of one plan."""
    plans = layout.shard_plans(output)
    if not plans:
        raise DatasetError(_nothing_to_merge(output))
    counts = sorted({count for _, count in plans})
    if len(counts) > 1:
        raise DatasetError(
            f"{output.location}: expected shards of one conversion, found some of {counts[0]} and some of "
            f"{counts[1]}: delete the directory and convert all shards with the same number"
        )
    parts = {index: _Part(*Journal(output, (index, count)).read()) for index, count in plans}
    # A shard that fails at bad images agrees with any; one that skips them, with its like alone.
    deciding = max(
        parts.values(), key=lambda part: part.header["options"]["on_bad_image"] != "fail"
    )
    for part in parts.values():
        check_same_plan(output.location, deciding.header, part.header)
    _check_finished(output, parts, counts[0])
    return [parts[index] for index in range(counts[0])]


def _nothing_to_merge(output: Store) -> str:
    if output.size(layout.PLAN_FILE) is not None:
        return (
            f"{output.location}: expected converted shards, found an unfinished conversion without `shard`: "
            "run the same conversion again to finish it"
        )
    return f"{output.location}: expected converted shards, found none: begin with pcr convert … --shard 0/N"


def _check_finished(output: Store, parts: Mapping[int, _Part], count: int) -> None:
    header = next(iter(parts.values())).header
    missing = []
    for index in range(count):
        first, stop = shard_records(header["shard"]["plan_records"], index, count)
        found = len(parts[index].finished) if index in parts else None
        if found is None or found < stop - first:
            missing.append((index, _extent(first, stop, found)))
    if missing:
        raise DatasetError(_what_to_run(output, header, missing, "not finished"))


def _extent(first: int, stop: int, found: int | None) -> str:
    which = f"records {first} to {stop - 1}" if first < stop else "no records"
    return f"{which}, " + ("not begun" if found is None else f"{found} written")


def _what_to_run(
    output: Store, header: Mapping[str, Any], shards: Sequence[tuple[int, str]], what: str
) -> str:
    """The first of these shards with what there is to say of each, and the command for one."""
    count = header["shard"]["count"]
    named = [f"{index}/{count} ({why})" for index, why in shards[:_MOST_NAMED]]
    if len(shards) > _MOST_NAMED:
        named.append(f"{len(shards) - _MOST_NAMED} more")
    return (
        f"{output.location}: {len(shards)} of {count} shards {what}: {', '.join(named)}: run "
        f"pcr convert {header['source']} {output.location} --shard {shards[0][0]}/{count}"
        + " and so on" * (len(shards) > 1)
        + ", with the options of the others, then merge again"
    )


def _check_records(output: Store, parts: Sequence[_Part], num_workers: int) -> None:
    """Raise DatasetError where records are missing or damaged, or there are more of them."""
    finished = [(part, record) for part in parts for record in part.finished]
    columns = columns_of(parts[0].header)
    with ThreadPoolExecutor(num_workers, thread_name_prefix="pcr-merge") as pool:
        problems = pool.map(
            lambda number: _problem(output, number, finished[number][1], columns),
            range(len(finished)),
        )
        damaged: dict[int, str] = {}
        for (part, _), problem in zip(finished, problems, strict=True):
            if problem is not None:
                damaged.setdefault(part.header["shard"]["index"], problem)
    if damaged:
        raise DatasetError(_what_to_run(output, parts[0].header, [*damaged.items()], "damaged"))
    for name in layout.dataset_files(output):
        number = layout.record_number(name)
        if number is not None and number >= len(finished):
            raise DatasetError(
                f"{join(output.location, name)}: expected {len(finished)} records, found one more, of another dataset: "
                "move it away and merge again"
            )


def _problem(
    output: Store, number: int, record: FinishedRecord, columns: Sequence[Column]
) -> str | None:
    try:
        check_record(output, number, record, columns)
    except (FormatError, OSError) as error:
        return describe(error)
    return None


def _options(header: Mapping[str, Any]) -> ConversionOptions:
    """The options of a plan, from its header."""
    name, text = header["options"]["ladder"]
    return ConversionOptions(**{**header["options"], "ladder": Ladder.parse(name, text)})


def _forget_shards(output: Store) -> None:
    """Remove what only shards need; their index is safe on disk."""
    plans = layout.shard_plans(output)
    if not plans:
        return
    records = Journal(output, next(iter(plans))).read()[0]["shard"]["plan_records"]
    found = len(Dataset(output).records)
    if found != records:
        raise DatasetError(
            f"{output.location}: expected the dataset of {records} records that its shards make, found one "
            f"of {found}"
        )
    remove_temporaries(output)
    for name in plans.values():
        output.delete(name)
    output.delete(layout.SHARDS_LOCK_FILE)
