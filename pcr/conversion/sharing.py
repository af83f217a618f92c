"""A conversion shared by several machines: one shard of it, or all of them by Ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

from pcr.conversion.cluster import check_installed, convert_on_cluster
from pcr.conversion.merging import merge_shards
from pcr.conversion.options import ConversionOptions
from pcr.conversion.phases import timed
from pcr.conversion.plan import Plan
from pcr.conversion.shards import check_free, convert_shard
from pcr.conversion.sources.image_source import Source
from pcr.conversion.summary import ConversionSummary, summarize
from pcr.cores import usable_cores
from pcr.dataset import layout
from pcr.errors import UsageError
from pcr.storage.local import LocalStore
from pcr.storage.store import Store

Engine = Literal["local", "ray"]

_WHY_NOT = {
    "force": "delete the old dataset first",
    "append": "convert into another directory, or append on one machine",
    "restart": "delete the directory to start over",
    "convert_images": "sources would change while other machines read them",
}


def check_sharing(
    shard: tuple[int, int] | None,
    engine: Engine,
    ray_address: str | None,
    options: ConversionOptions | None,
    flags: Mapping[str, bool],
) -> None:
    """Raise UsageError for what makes no sense together; ``flags``: those of ``convert``."""
    if engine not in get_args(Engine):
        raise UsageError(
            f"expected one of {', '.join(get_args(Engine))}, found {engine!r}", "engine"
        )
    if ray_address is not None and engine != "ray":
        raise UsageError("needs `engine=ray`", "ray_address")
    given = {name for name, value in flags.items() if value}
    if options is not None and options.convert_images:
        given.add("convert_images")
    if shard is not None:
        _check_shard(*shard)
        _refuse(given, "shard")
    if engine == "ray":
        if shard is not None:
            raise UsageError("cannot be combined with `shard`: Ray converts all shards", "engine")
        _refuse(given - {"force", "restart"}, "engine")
        check_installed()


def convert_one_shard(
    source: Source,
    output: Store,
    options: ConversionOptions,
    shard: tuple[int, int],
    num_workers: int,
    progress: bool,
    phases: dict[str, float],
) -> ConversionSummary:
    """Convert the records of one shard; raises as `convert_shard`."""
    with timed(phases, "plan"):
        plan = Plan.make(source, options).part(*shard)
    with timed(phases, "records"):
        finished, resumed = convert_shard(plan, output, num_workers, progress)
    return summarize(plan, finished, resumed, phases)


def convert_all_shards(
    source: Source,
    output: Store,
    options: ConversionOptions,
    ray_address: str | None,
    num_workers: int,
    progress: bool,
    phases: dict[str, float],
) -> ConversionSummary:
    """Convert all shards on a Ray cluster, and merge them."""
    check_free(output)
    if isinstance(output, LocalStore):  # workers have another current directory
        output = LocalStore(output.root.absolute())
    with timed(phases, "plan"):
        plan = Plan.make(source, options)
    with timed(phases, "records"):
        convert_on_cluster(plan, output, ray_address, num_workers, progress)
    merged = merge_shards(output, usable_cores())
    return replace(merged, phase_seconds={**phases, **merged.phase_seconds})


def _check_shard(index: int, count: int) -> None:
    if not 0 <= index < count:
        raise UsageError(
            f"expected i/n with i from 0 to n - 1, found {index}/{count}: shards are numbered from 0",
            "shard",
        )
    if count > layout.MAX_RECORDS:
        raise UsageError(f"expected at most {layout.MAX_RECORDS} shards, found {count}", "shard")


def _refuse(given: set[str], parameter: str) -> None:
    for name in sorted(given):
        raise UsageError(f"cannot be combined with `{name}`: {_WHY_NOT[name]}", parameter)
