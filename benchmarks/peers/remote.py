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
    data_loader,
    decode_pil,
    pil_transform,
    prepare_streaming,
    prepare_webdataset,
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


def webdataset_epochs(url: str, store: Path, _cache: Path, threads: int) -> Epoch:
    """Tar files by HTTP, dealt to workers, images shuffled in a buffer."""
    import webdataset

    transform = pil_transform()

    def decode(sample: dict[str, bytes]) -> tuple[Any, int]:
        return transform(decode_pil(sample["jpg"])), int(sample["cls"])

    shards = sorted(f"{url}/{path.name}" for path in store.glob("*.tar"))
    dataset = webdataset.WebDataset(shards, shardshuffle=len(shards)).shuffle(256).map(decode)
    return data_loader(dataset, threads)


def streaming_epochs(url: str, _store: Path, cache: Path, threads: int) -> Epoch:
    """A StreamingDataset that downloads shards into a cache."""
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    transform = pil_transform()

    class Images(StreamingDataset):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            sample = super().__getitem__(index)
            return transform(decode_pil(sample["jpg"])), sample["label"]

    clean_stale_shared_memory()
    dataset = Images(remote=url, local=str(cache), shuffle=True, batch_size=BATCH)
    return data_loader(dataset, threads)


def pcr_epochs(level: int, *, local: bool) -> Callable[[str, Path, Path, int], Epoch]:
    """Loader at one level of a dataset: at its URL, or in the folder that is served."""

    def epochs(url: str, store: Path, _cache: Path, threads: int) -> Epoch:
        from pcr.loading.loader import Loader
        from pcr.loading.transforms import TrainTransform

        transform = TrainTransform(SIZE, SCALE, RATIO, mean=MEAN, std=STD)
        loader = Loader(
            store if local else url, BATCH, level, transform=transform, num_threads=threads
        )
        return lambda: loader

    return epochs


REMOTE_PEERS = {
    "files": RemotePeer("JPEG files", "obstore", prepare_files, files_epochs),
    "webdataset": RemotePeer("WebDataset", "webdataset", prepare_webdataset, webdataset_epochs),
    "streaming": RemotePeer(
        "MosaicML Streaming", "mosaicml-streaming", prepare_streaming, streaming_epochs, s3=True
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
