"""The shards of a conversion as tasks of a Ray cluster, which repeats those whose machine is lost."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from pcr.conversion.plan import Plan
from pcr.conversion.shards import ShardBusyError, convert_shard
from pcr.dataset import layout
from pcr.errors import DatasetError, PCRError, UsageError
from pcr.extras import how_to_install
from pcr.progress import progress_bar
from pcr.signals import NotedSignal
from pcr.storage.store import Store

_SHARDS_PER_WORKER = 4  # so that a slow one does not keep all others waiting at the end
_TASK_RETRIES = 5
_POLL_SECONDS = 0.5
_CONNECT_SECONDS = 10
# Another machine, or this one, may not know yet that it has been given up.
_BUSY_SECONDS = 120


def check_installed() -> None:
    """Raise UsageError, saying what to install, where Ray is missing."""
    try:
        import ray  # noqa: F401
    except ImportError:
        raise UsageError(
            f"expected the package ray, found none: {how_to_install('ray')}", "engine"
        ) from None


def convert_on_cluster(
    plan: Plan, output: Store, ray_address: str | None, num_workers: int, progress: bool
) -> None:
    """Convert all shards of a plan, ``num_workers`` threads each; raises what a shard raises.

    Signals have their effect between Ray's calls: exceptions of handlers that run within one may
    come out of it as others.
    """
    with NotedSignal() as noted, _connected(ray_address) as ray:
        counter = _start_counter(ray)
        task = ray.remote(num_cpus=num_workers, max_retries=_TASK_RETRIES)(_convert)
        count = _shard_count(plan, output, ray.cluster_resources().get("CPU", 1) / num_workers)
        pending = [
            task.remote(plan.part(index, count), output, num_workers, counter)
            for index in range(count)
        ]
        try:
            with closing(_Bar(ray, counter, plan, progress)) as bar:
                while pending:
                    done, pending = ray.wait(pending, timeout=_POLL_SECONDS)
                    noted.deliver()
                    _raise_failures(ray, done)
                    bar.follow()
                bar.fill()
        finally:
            for unfinished in pending:
                with suppress(Exception):  # it may have ended, or its machine
                    ray.cancel(unfinished, force=True)  # what it wrote stays, as after any kill


class _Counter:
    """An actor: how many images each shard has converted."""

    def __init__(self) -> None:
        self._images: dict[int, int] = {}

    def report(self, shard: int, images: int) -> None:
        """Note a shard's images so far; a shard that is repeated reports them again."""
        self._images[shard] = images

    def total(self) -> int:
        """The images of all shards."""
        return sum(self._images.values())


class _Bar:
    """The progress of the whole cluster."""

    def __init__(self, ray: Any, counter: Any, plan: Plan, show: bool) -> None:
        self._ray, self._counter = ray, counter
        self._asked = counter.total.remote()
        self._bar = progress_bar(
            total=len(plan.samples), unit=" images", desc="Converting", disable=not show
        )

    def follow(self) -> None:
        """Show what the counter said, if it has answered."""
        answered, _ = self._ray.wait([self._asked], timeout=0)
        if answered:
            with suppress(self._ray.exceptions.RayError):
                self._bar.update(self._ray.get(self._asked) - self._bar.n)
            self._asked = self._counter.total.remote()

    def fill(self) -> None:
        """Show the end, whether or not the last reports have come."""
        self._bar.update(self._bar.total - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _convert(plan: Plan, output: Store, num_workers: int, counter: Any) -> Exception | None:
    """What a worker does: convert one shard. The error that its user can fix, if there is one."""
    shard = plan.shard
    assert shard is not None
    ends = (*plan.record_starts, len(plan.samples))  # before each record, and after the last

    def report(records: int) -> None:
        counter.report.remote(shard.index, ends[records])

    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            convert_shard(plan, output, num_workers, follow=report)
        except ShardBusyError as error:
            if time.monotonic() > deadline:
                return error
            time.sleep(1)
        except (PCRError, OSError) as error:
            return error
        else:
            return None


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster or to one of this machine alone; as it was if it was before."""
    check_installed()
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning says so
    import ray

    if ray.is_initialized():
        yield ray
        return
    _check_reachable(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, str(error).splitlines()[0]) from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_reachable(address: str | None) -> None:
    """Raise DatasetError where nothing listens at HOST:PORT: Ray would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from None


def _no_cluster(address: str | None, reason: str) -> DatasetError:
    return DatasetError(f"{address or 'Ray'}: expected the address of a Ray cluster: {reason}")


def _start_counter(ray: Any) -> Any:
    """The counter, on the machine of the driver, with which it lives and dies."""
    here = ray.get_runtime_context().get_node_id()
    near = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=True)
    actor = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=near)(_Counter)
    return actor.remote()


def _shard_count(plan: Plan, output: Store, workers: float) -> int:
    """As many shards as have begun before; else several per worker."""
    for _, count in layout.shard_plans(output):
        return count
    return max(1, min(plan.records, round(workers * _SHARDS_PER_WORKER)))


def _raise_failures(ray: Any, done: Sequence[Any]) -> None:
    for task in done:
        try:
            failure = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                raise DatasetError(
                    f"a machine of the cluster lacks a package ({error.cause}): install the same "
                    "version of progressive-compressed-records on all"
                ) from None
            raise
        except ray.exceptions.RayError as error:
            reason = str(error).splitlines()[0]
            raise DatasetError(
                f"a shard failed {_TASK_RETRIES + 1} times: {reason}: convert again to resume"
            ) from None
        if failure is not None:
            raise failure
