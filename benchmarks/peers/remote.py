"""The loaders that benchmarks/bandwidth.py compares: one epoch of each, of what a server has.

All decode and augment as `peers` says. Each fetches as its documentation says; whole files are
fetched by as many threads as hide the latency.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from peers.common import BATCH, MEAN, RATIO, SCALE, SIZE, STD, Epoch, samples
from peers.ours import prepare_pcr
from peers.worker_processes import (
    decode_pil,
    pil_transform,
    prepare_streaming,
    prepare_webdataset,
    streaming_epochs,
    webdataset_epochs,
)

FETCHES = 32  # files, fetched and decoded at a time


@dataclass(frozen=True)
class RemotePeer:
    """A loader: `prepare(folder, store)` writes its form of the images, `epochs(url, store, cache, threads)` opens it.

    url: where a server has what is in `store`. cache: an empty folder. s3: whether it reads from an
    object store, not over plain HTTP.
    """

    title: str
    package: str
    prepare: Callable[[Path, Path], None]
    epochs: Callable[[str, Path, Path, int], Epoch]
    s3: bool = False
    note: str = ""


def prepare_files(folder: Path, store: Path) -> None:
    """The JPEGs as they are."""
    for file, label in samples(folder):
        shutil.copyfile(file, store / f"{label:06d}.jpg")


def files_epochs(url: str, store: Path, _cache: Path, _threads: int) -> Epoch:
    """Whole files by HTTP, in threads that decode too."""
    import torch
    from obstore.store import HTTPStore

    server, transform = HTTPStore(url, client_options={"allow_http": True}), pil_transform()
    names = sorted(path.name for path in store.iterdir())

    def load(name: str) -> tuple[Any, int]:
        return transform(decode_pil(bytes(server.get(name).bytes()))), int(name[:6])

    def epoch() -> Iterator[tuple[Any, Any]]:
        drawn = iter(random.sample(names, len(names)))
        with ThreadPoolExecutor(FETCHES) as pool:
            loaded = in_order(pool, load, drawn)
            while batch := list(islice(loaded, BATCH)):
                images, labels = zip(*batch, strict=True)
                yield torch.stack(images), torch.tensor(labels)

    return epoch


def in_order(
    pool: ThreadPoolExecutor, load: Callable[[str], Any], names: Iterator[str]
) -> Iterator[Any]:
    """What `load` makes of names, some batches ahead of the loop."""
    ahead: list[Future[Any]] = [pool.submit(load, name) for name in islice(names, 3 * BATCH)]
    while ahead:
        yield ahead.pop(0).result()
        ahead += [pool.submit(load, name) for name in islice(names, 1)]


def fetched_webdataset(url: str, store: Path, _cache: Path, threads: int) -> Epoch:
    """Tar files by HTTP."""
    return webdataset_epochs(store, store, threads, url)


def fetched_streaming(url: str, store: Path, cache: Path, threads: int) -> Epoch:
    """Shards from an object store, downloaded into a cache."""
    return streaming_epochs(store, cache, threads, url)


def pcr_epochs(level: int, *, local: bool) -> Callable[[str, Path, Path, int], Epoch]:
    """Loader at one level of a dataset: at its URL, or in the folder that is served."""

    def epochs(url: str, store: Path, _cache: Path, threads: int) -> Epoch:
        from pcr.loading.loader import Loader
        from pcr.loading.windows import TrainTransform

        transform = TrainTransform(SIZE, SCALE, RATIO, mean=MEAN, std=STD)
        loader = Loader(
            store if local else url, BATCH, level, transform=transform, num_threads=threads
        )
        return lambda: loader

    return epochs


REMOTE_PEERS = {
    "files": RemotePeer("JPEG files", "obstore", prepare_files, files_epochs),
    "webdataset": RemotePeer("WebDataset", "webdataset", prepare_webdataset, fetched_webdataset),
    "streaming": RemotePeer(
        "MosaicML Streaming", "mosaicml-streaming", prepare_streaming, fetched_streaming, s3=True
    ),
}


def find_remote_peer(name: str) -> RemotePeer:
    """The loader of that name; ours are called pcr:LADDER:LEVEL, without a server local:LADDER:LEVEL."""
    if name in REMOTE_PEERS:
        return REMOTE_PEERS[name]
    where, ladder, level = name.split(":")
    local = where == "local"
    return RemotePeer(
        f"PCR {ladder}, level {level}{' (local files)' if local else ''}",
        "progressive-compressed-records",
        prepare_pcr(ladder),
        pcr_epochs(int(level), local=local),
    )
