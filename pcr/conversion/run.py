"""Convert images into a PCR dataset: plan, records on all cores, index; resumable."""

from __future__ import annotations

import warnings
from contextlib import ExitStack, closing
from dataclasses import replace

from pcr.arguments import check_at_least
from pcr.conversion import tfrecord
from pcr.conversion.append import Base
from pcr.conversion.completion import write_dataset
from pcr.conversion.directory import (
    check_no_dataset,
    check_places,
    explained_limits,
    remove_dataset,
    remove_temporaries,
)
from pcr.conversion.journal import FinishedRecord, Journal
from pcr.conversion.options import ConversionOptions
from pcr.conversion.phases import timed
from pcr.conversion.plan import Plan
from pcr.conversion.sharing import Engine, check_sharing, convert_all_shards, convert_one_shard
from pcr.conversion.sources.image_source import Source
from pcr.conversion.sources.local_folder import LocalFolder
from pcr.conversion.sources.opening import opened_source
from pcr.conversion.sources.own_samples import Samples
from pcr.conversion.sources.store_folder import StoreFolder
from pcr.conversion.summary import ConversionSummary as ConversionSummary
from pcr.conversion.summary import summarize
from pcr.conversion.unfinished import check_no_unfinished_append, drop_unfinished
from pcr.conversion.workers import convert_records
from pcr.cores import usable_cores
from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.storage.location import Location, is_location, join
from pcr.storage.lock import locked
from pcr.storage.store import Store, open_store

_SPLIT_NAMES = ("train", "training", "val", "valid", "validation", "test", "testing")


def convert(
    source: Location | Samples,
    output: Location,
    options: ConversionOptions | None = None,
    *,
    num_workers: int | None = None,
    force: bool = False,
    append: bool = False,
    restart: bool = False,
    shard: tuple[int, int] | None = None,
    engine: Engine = "local",
    ray_address: str | None = None,
    progress: bool = True,
) -> ConversionSummary:
    """Convert JPEGs into a PCR dataset, without loss.

    source: folder with one sub-folder of JPEGs per class; never changed, except with
        ``options.convert_images``. Or a URL (``s3://``, ``gs://``, ``az://``) of such objects. Or a
        table of paths, tar shards of WebDataset or a dataset of Hugging Face on disk: see
        docs/guides/sources.md. Or any iterable of (name, bytes, columns), which is gone through once and
        kept in the folder for temporary files (TMPDIR) meanwhile; the columns are a dict, with the
        label as "label". An iterable can't be sent to Ray.
    output: directory of the dataset, outside of ``source``, made if missing; or a URL (``s3://``,
        ``gs://``, ``az://``), where each record goes when it is finished.
    options: what to write; default ``ConversionOptions()``, or with ``append`` the options that the
        dataset was made with.
    num_workers: threads that encode; default: all cores that this process may use, or one thread
        per shard with Ray.
    force: replace the dataset in ``output``; other files stay. Refused where an append to it is
        unfinished, unless with ``restart``. Default False.
    append: add the images whose names the dataset in ``output`` does not have, as further records.
        Default False.
    restart: drop what an interrupted run left unfinished, instead of resuming it; a finished
        dataset stays. Default False.
    shard: ``(i, n)`` converts the records of the i-th of n parts only, i from 0, while others may
        convert theirs into the same directory; ``merge`` finishes the dataset when all are there.
        Not with ``force``, ``append``, ``restart`` or ``options.convert_images``. Default: all.
    engine: "local" (default), or "ray": many shards as tasks of a Ray cluster, then ``merge``. Not
        with ``append`` or ``options.convert_images``.
    ray_address: of the cluster; default: that of the variable RAY_ADDRESS, or this machine alone.
    progress: show a progress bar on stderr; default True.

    Resumes where an earlier run with the same arguments was stopped. Warns (UserWarning) where the
    classes look like the splits of a dataset. Raises PCRError for what the caller can fix; the
    records that are finished stay, and do not look like a dataset until all are.
    """
    store = open_store(output)
    _check_arguments(num_workers, force, append)
    flags = {"force": force, "append": append, "restart": restart}
    check_sharing(shard, engine, ray_address, options, flags)
    if engine == "ray" and not is_location(source):
        raise UsageError("needs a path or URL as source, which all machines can read", "engine")
    check_places(source, store)
    options = _complete(options, store, append)
    phases: dict[str, float] = {}
    with ExitStack() as stack:
        with timed(phases, "scan"):
            images = stack.enter_context(opened_source(source, options))
        _check_rewritable(images, options)
        _warn_of_splits(images)
        if shard is not None:
            workers = num_workers or usable_cores()
            return convert_one_shard(images, store, options, shard, workers, progress, phases)
        if engine == "local":
            stack.enter_context(locked(store))
            stack.enter_context(explained_limits(store))
            with timed(phases, "plan"):
                plan = _plan(images, store, options, append, restart)
                plan, finished = _begin(plan, store, force, restart)
            return _finish(plan, finished, store, num_workers or usable_cores(), progress, phases)
        with locked(store):
            if force:
                remove_dataset(store)
            elif restart:
                drop_unfinished(store, base=None)
        return convert_all_shards(
            images, store, options, ray_address, num_workers or 1, progress, phases
        )


def _finish(
    plan: Plan,
    finished: list[FinishedRecord],
    output: Store,
    num_workers: int,
    progress: bool,
    phases: dict[str, float],
) -> ConversionSummary:
    """Write the records that are not finished, and the index."""
    resumed = len(finished)
    with (
        timed(phases, "records"),
        closing(convert_records(plan, output, resumed, num_workers, progress)) as records,
    ):
        finished += records
    if plan.records:
        with timed(phases, "index"):
            if not any(record.index.images for record in finished):
                drop_unfinished(output, plan.base)
            write_dataset(
                output,
                plan.source.location,
                plan.source.classes,
                plan.columns,
                plan.options,
                finished,
                plan.base,
            )
            Journal(output).finish()
    return summarize(plan, finished, resumed, phases)


def _check_arguments(num_workers: int | None, force: bool, append: bool) -> None:
    if num_workers is not None:
        check_at_least(1, num_workers=num_workers)
    if force and append:
        raise UsageError("cannot be combined with `force`", "append")


def _complete(options: ConversionOptions | None, output: Store, append: bool) -> ConversionOptions:
    base = Dataset(output) if append else None
    if options is None:
        options = ConversionOptions.of_dataset(base.info) if base else ConversionOptions()
    if base and base.columns:
        types = {name: str(column.type) for name, column in base.columns.items()}
        options = replace(options, column_types={**types, **(options.column_types or {})})
    if options.tf_records:
        tfrecord.check_installed()
    return options


def _check_rewritable(source: Source, options: ConversionOptions) -> None:
    if options.convert_images and source.rewritable(source.samples[0]) is None:
        raise UsageError(
            "expected a folder as input: only images in files of their own are rewritten",
            "convert_images",
        )


def _warn_of_splits(source: Source) -> None:
    if not isinstance(source, LocalFolder | StoreFolder):
        return
    splits = [name for name in source.classes if name.lower() in _SPLIT_NAMES]
    if len(splits) > 1 or splits == list(source.classes):
        warnings.warn(
            f"{source.location}: its sub-folders {' and '.join(splits)} look like the splits of a "
            "dataset, but become classes here: to convert each of them separately, begin with "
            f"{join(source.location, splits[0])}",
            stacklevel=3,
        )


def _plan(
    source: Source, output: Store, options: ConversionOptions, append: bool, restart: bool
) -> Plan:
    if not append:
        return Plan.make(source, options)
    base = Base.open(output)
    base.check(options)
    journal = Journal(output)
    if not restart and journal.exists() and journal.completed(base.records):
        journal.finish()  # killed between writing the index and this
    return Plan.make(base.new_images(source), options, base)


def _begin(
    plan: Plan, output: Store, force: bool, restart: bool
) -> tuple[Plan, list[FinishedRecord]]:
    """Prepare the output directory: empty, with a conversion to resume, or a dataset to add to."""
    journal = Journal(output)
    if force:
        if not restart:
            check_no_unfinished_append(output)
        remove_dataset(output)
    elif restart:
        drop_unfinished(output, plan.base)
    if journal.exists():
        remove_temporaries(output)
        return journal.resume(plan)
    if plan.base is None:
        check_no_dataset(output)
    remove_temporaries(output)
    if plan.records:
        journal.begin(plan)
    return plan, []
