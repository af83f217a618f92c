#!/usr/bin/env python3
"""One epoch of one loader, from a URL, for benchmarks/bandwidth.py; prints a line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from peers.remote import find_remote_peer


def main() -> None:
    """Parse, run, print the result or the error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["prepare", "measure"])
    parser.add_argument("loader")
    parser.add_argument("folder", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--url", default="", help="where the store is served")
    parser.add_argument("--step_images_per_second", type=float, default=0)
    parser.add_argument("--cores", type=int, nargs="+", default=[], help="none: all")
    arguments = parser.parse_args()
    if arguments.cores:
        os.sched_setaffinity(0, arguments.cores)
    try:
        result = run(arguments)
    except ModuleNotFoundError as error:
        result = {"error": f"not installed: {error.name}"}
    except Exception as error:  # whatever a loader raises is its result
        result = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    print("\n" + json.dumps(result), flush=True)
    os._exit(0)  # some loaders' threads and workers outlive the interpreter otherwise


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prepare, or measure with an empty cache."""
    peer = find_remote_peer(arguments.loader)
    if arguments.task == "prepare":
        peer.prepare(arguments.folder, arguments.store)
        return {}
    import torch

    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    expected = len(list(arguments.folder.iterdir()))  # each image has a class of its own
    with tempfile.TemporaryDirectory() as cache:
        epoch = peer.epochs(arguments.url, arguments.store, Path(cache), threads)
        return measure(epoch(), expected, arguments.step_images_per_second)


def measure(
    batches: Iterable[tuple[Any, Any]], expected: int, step_images_per_second: float
) -> dict[str, Any]:
    """The rate of an epoch, and the share of its time in which a loop with such a step waited."""
    labels, waited_seconds, begun = [], 0.0, time.perf_counter()
    arrivals = iter(batches)
    while True:
        asked = time.perf_counter()
        batch = next(arrivals, None)
        waited_seconds += time.perf_counter() - asked
        if batch is None:
            break
        labels += batch[1].tolist()
        if step_images_per_second:
            time.sleep(len(batch[1]) / step_images_per_second)
    seconds = time.perf_counter() - begun
    if sorted(labels) != list(range(expected)):
        raise ValueError(f"{len(labels)} images delivered, not each of {expected} once")
    return {"images_per_second": len(labels) / seconds, "waiting": waited_seconds / seconds}


if __name__ == "__main__":
    main()
