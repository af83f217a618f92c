#!/usr/bin/env python3
"""Prepare or measure one loader, for benchmarks/loaders.py, and print a line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from peers import Epoch, Peer, find_peer, samples


def main() -> None:
    """Parse, run, print the result or the error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["prepare", "measure"])
    parser.add_argument("loader")
    parser.add_argument("folder", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    peer = find_peer(arguments.loader)
    threads = len(os.sched_getaffinity(0))
    result: dict[str, Any] = {}
    try:
        if arguments.task == "prepare":
            if peer.prepare:
                peer.prepare(arguments.folder, arguments.store)
        else:
            result = measure(peer, arguments.folder, arguments.store, threads, arguments.epochs)
    except ModuleNotFoundError as error:
        result = {"error": f"not installed: {error.name}"}
    except Exception as error:  # whatever a loader raises is its result
        result = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    print("\n" + json.dumps(result), flush=True)
    os._exit(0)  # some loaders' threads and workers outlive the interpreter otherwise


def measure(peer: Peer, folder: Path, store: Path, threads: int, epochs: int) -> dict[str, Any]:
    """One epoch to warm up, in which memory is watched, then the measured ones."""
    framework = import_module(peer.framework)
    baseline_bytes = memory_bytes()
    if peer.framework == "torch":
        framework.set_num_threads(threads)
    epoch: Epoch = peer.epochs(folder, store, threads)
    peak_bytes = watch_memory(epoch())
    labels, begun, cpu_begun = [], time.perf_counter(), cpu_seconds()
    for _ in range(epochs):
        for images, batch_labels in epoch():
            shape = tuple(images.shape[1:])
            if "float32" not in str(images.dtype) or shape not in ((3, 224, 224), (224, 224, 3)):
                raise ValueError(f"a batch of {images.dtype} {tuple(images.shape)}")
            labels += batch_labels.tolist()
    seconds, used_seconds = time.perf_counter() - begun, cpu_seconds() - cpu_begun
    expected = sorted(epochs * [label for _, label in samples(folder)])
    if sorted(labels) != expected:
        raise ValueError(f"{len(labels)} images delivered, not each of {len(expected)} once")
    return {
        "images_per_second": len(labels) / seconds,
        "cpu_seconds_per_1000_images": 1000 * used_seconds / len(labels),
        "peak_MB": peak_bytes / 1e6,
        "peak_above_torch_MB": (peak_bytes - baseline_bytes) / 1e6,
        **bytes_of(peer, epoch, folder, store, epochs + 1),
    }


def bytes_of(peer: Peer, epoch: Epoch, folder: Path, store: Path, epochs: int) -> dict[str, float]:
    """MB on disk, and MB per epoch: a peer reads all that it stored, ours counts what it reads."""
    where = store if peer.prepare else folder
    stored = sum(file.stat().st_size for file in where.rglob("*") if file.is_file())
    read = getattr(getattr(epoch(), "source", None), "bytes_read", stored * epochs)
    return {"read_MB": read / epochs / 1e6, "disk_MB": stored / 1e6}


def watch_memory(batches: Iterable[tuple[Any, Any]]) -> float:
    """The greatest memory of this process and its children, looked at between batches."""
    return max((memory_bytes() for _ in batches), default=0)


def memory_bytes() -> float:
    """Of this process and its children, shared pages counted once (PSS)."""
    return sum_over_processes(lambda process: process.memory_full_info().pss)


def cpu_seconds() -> float:
    """User and system time of this process and its children so far."""

    def seconds(process: psutil.Process) -> float:
        times = process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system

    return sum_over_processes(seconds)


def sum_over_processes(value: Callable[[psutil.Process], float]) -> float:
    """Over this process and all below it; one that has just ended counts nothing."""
    total: float = 0
    this = psutil.Process()
    for process in (this, *this.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += value(process)
    return total


if __name__ == "__main__":
    main()
