"""Loaders with worker processes: torchvision, WebDataset, MosaicML Streaming, LitData, on PyTorch's DataLoader."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers.common import BATCH, MEAN, RATIO, SCALE, SIZE, STD, Epoch, shuffled


def pil_transform() -> Any:
    """Of a PIL image."""
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE, SCALE, RATIO),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


def decode_pil(data: bytes) -> Any:
    """A JPEG as a PIL image in RGB."""
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def data_loader(dataset: Any, threads: int, *, shuffle: bool | None = None) -> Epoch:
    """PyTorch's, with one process per core that lives through the epochs."""
    from torch.utils.data import DataLoader

    loader = DataLoader(dataset, BATCH, shuffle, num_workers=threads, persistent_workers=True)
    return lambda: loader


def torchvision_pil(folder: Path, _store: Path, threads: int) -> Epoch:
    """ImageFolder as the documentation has it."""
    from torchvision.datasets import ImageFolder

    return data_loader(ImageFolder(str(folder), pil_transform()), threads, shuffle=True)


def torchvision_decode_jpeg(folder: Path, _store: Path, threads: int) -> Epoch:
    """ImageFolder whose images are decoded to tensors by libjpeg-turbo without PIL."""
    from torchvision.io import ImageReadMode, decode_jpeg, read_file

    def load(path: str) -> Any:
        return decode_jpeg(read_file(path), ImageReadMode.RGB)

    return tensor_folder(folder, load, threads)


def torchcodec_epochs(folder: Path, _store: Path, threads: int) -> Epoch:
    """ImageFolder whose images torchcodec decodes, to which torchvision points for its successor."""
    from torchcodec.decoders import decode_image
    from torchvision.io import read_file

    def load(path: str) -> Any:
        return decode_image(read_file(path), mode="RGB")

    return tensor_folder(folder, load, threads)


def tensor_folder(folder: Path, load: Callable[[str], Any], threads: int) -> Epoch:
    """ImageFolder of images that are loaded as tensors, with torchvision's transforms v2."""
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    transform = v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, SCALE, RATIO, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )

    return data_loader(ImageFolder(str(folder), transform, loader=load), threads, shuffle=True)


def prepare_webdataset(folder: Path, store: Path) -> None:
    """Tar files of 50 images, so that all workers have enough of them."""
    import webdataset

    with webdataset.ShardWriter(str(store / "%05d.tar"), maxcount=50, verbose=0) as writer:
        for number, (file, label) in enumerate(shuffled(folder)):
            writer.write({"__key__": f"{number:08d}", "jpg": file.read_bytes(), "cls": label})


def webdataset_epochs(_folder: Path, store: Path, threads: int, url: str | None = None) -> Epoch:
    """Tar files dealt to workers, images shuffled in a buffer; fetched where there is a URL."""
    import webdataset

    transform = pil_transform()

    def decode(sample: dict[str, bytes]) -> tuple[Any, int]:
        return transform(decode_pil(sample["jpg"])), int(sample["cls"])

    shards = sorted(f"{url or store}/{path.name}" for path in store.glob("*.tar"))
    dataset = webdataset.WebDataset(shards, shardshuffle=len(shards)).shuffle(256).map(decode)
    return data_loader(dataset, threads)


def prepare_streaming(folder: Path, store: Path) -> None:
    """Shards of 8 MB."""
    from streaming import MDSWriter

    with MDSWriter(
        out=str(store), columns={"jpg": "bytes", "label": "int"}, size_limit=8_000_000
    ) as writer:
        for file, label in shuffled(folder):
            writer.write({"jpg": file.read_bytes(), "label": label})


def streaming_epochs(_folder: Path, store: Path, threads: int, remote: str | None = None) -> Epoch:
    """A StreamingDataset of shards in `store`, or of a URL's, which it downloads to there."""
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    transform = pil_transform()

    class Images(StreamingDataset):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            sample = super().__getitem__(index)
            return transform(decode_pil(sample["jpg"])), sample["label"]

    clean_stale_shared_memory()
    dataset = Images(remote=remote, local=str(store), shuffle=True, batch_size=BATCH)
    return data_loader(dataset, threads)


def read_sample(sample: tuple[Path, int]) -> dict[str, Any]:
    """What LitData stores of one image."""
    return {"jpg": sample[0].read_bytes(), "label": sample[1]}


def prepare_litdata(folder: Path, store: Path) -> None:
    """Chunks of 8 MB."""
    from litdata import optimize

    optimize(read_sample, shuffled(folder), str(store), chunk_bytes="8MB", num_workers=1)


def litdata_epochs(_folder: Path, store: Path, threads: int) -> Epoch:
    """Its streaming dataset and data loader over local chunks."""
    from litdata import StreamingDataLoader, StreamingDataset

    transform = pil_transform()

    class Images(StreamingDataset):
        def __getitem__(self, index: Any) -> tuple[Any, int]:
            sample = super().__getitem__(index)
            return transform(decode_pil(sample["jpg"])), sample["label"]

    loader = StreamingDataLoader(
        Images(str(store), shuffle=True),
        batch_size=BATCH,
        num_workers=threads,
        persistent_workers=True,
    )
    return lambda: loader
