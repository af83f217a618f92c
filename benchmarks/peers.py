"""The loaders that benchmarks/loaders.py compares: how each stores a folder of images, and one epoch of each.

All do the same work: decode, a random-resized crop of 224 with antialiasing where the library has it, a flip,
normalisation, float32 batches of 64 in torch's memory, shuffled. Each is set up as its own documentation says,
with as many workers or threads as there are cores.
"""

from __future__ import annotations

import io
import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZE, BATCH = 224, 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)

Epoch = Callable[[], Iterable[tuple[Any, Any]]]


@dataclass(frozen=True)
class Peer:
    """A loader: `prepare(folder, store)` writes its form of the images, `epochs(folder, store, threads)` opens it.

    package: the distribution that it comes from. Without `prepare` it reads the folder itself.
    """

    title: str
    package: str
    epochs: Callable[[Path, Path, int], Epoch]
    prepare: Callable[[Path, Path], None] | None = None
    note: str = ""


def samples(folder: Path) -> list[tuple[Path, int]]:
    """Files and labels as ImageFolder has them; here every image is a class of its own."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [(file, label) for label, path in enumerate(classes) for file in sorted(path.iterdir())]


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


# torchvision


def torchvision_pil(folder: Path, _store: Path, threads: int) -> Epoch:
    """ImageFolder as the documentation has it."""
    from torchvision.datasets import ImageFolder

    return data_loader(ImageFolder(str(folder), pil_transform()), threads, shuffle=True)


def torchvision_decode_jpeg(folder: Path, _store: Path, threads: int) -> Epoch:
    """ImageFolder whose images are decoded to tensors by libjpeg-turbo without PIL."""
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    from torchvision.transforms import v2

    transform = v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, SCALE, RATIO, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )

    def load(path: str) -> Any:
        return decode_jpeg(read_file(path), ImageReadMode.RGB)

    return data_loader(ImageFolder(str(folder), transform, loader=load), threads, shuffle=True)


# WebDataset


def prepare_webdataset(folder: Path, store: Path) -> None:
    """Tar files of 50 images, so that all workers have enough of them."""
    import webdataset

    with webdataset.ShardWriter(str(store / "%05d.tar"), maxcount=50, verbose=0) as writer:
        for number, (file, label) in enumerate(_shuffled(folder)):
            writer.write({"__key__": f"{number:08d}", "jpg": file.read_bytes(), "cls": label})


def webdataset_epochs(_folder: Path, store: Path, threads: int) -> Epoch:
    """Tar files dealt to workers, images shuffled in a buffer."""
    import webdataset

    transform = pil_transform()

    def decode(sample: dict[str, bytes]) -> tuple[Any, int]:
        return transform(decode_pil(sample["jpg"])), int(sample["cls"])

    shards = sorted(str(path) for path in store.glob("*.tar"))
    dataset = webdataset.WebDataset(shards, shardshuffle=len(shards)).shuffle(256).map(decode)
    return data_loader(dataset, threads)


# MosaicML Streaming


def prepare_streaming(folder: Path, store: Path) -> None:
    """Shards of 8 MB."""
    from streaming import MDSWriter

    with MDSWriter(
        out=str(store), columns={"jpg": "bytes", "label": "int"}, size_limit=8_000_000
    ) as writer:
        for file, label in _shuffled(folder):
            writer.write({"jpg": file.read_bytes(), "label": label})


def streaming_epochs(_folder: Path, store: Path, threads: int) -> Epoch:
    """A StreamingDataset of local shards."""
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    transform = pil_transform()

    class Images(StreamingDataset):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            sample = super().__getitem__(index)
            return transform(decode_pil(sample["jpg"])), sample["label"]

    clean_stale_shared_memory()
    return data_loader(Images(local=str(store), shuffle=True, batch_size=BATCH), threads)


# LitData


def read_sample(sample: tuple[Path, int]) -> dict[str, Any]:
    """What LitData stores of one image."""
    return {"jpg": sample[0].read_bytes(), "label": sample[1]}


def prepare_litdata(folder: Path, store: Path) -> None:
    """Chunks of 8 MB."""
    from litdata import optimize

    optimize(read_sample, _shuffled(folder), str(store), chunk_bytes="8MB", num_workers=1)


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


# DALI


def dali_epochs(folder: Path, _store: Path, threads: int) -> Epoch:
    """`readers.file` and `decoders.image_random_crop` on the CPU."""
    from nvidia.dali import fn, pipeline_def, types
    from nvidia.dali.plugin.pytorch import DALIGenericIterator, LastBatchPolicy

    files, labels = zip(*((str(file), label) for file, label in samples(folder)), strict=True)

    @pipeline_def(batch_size=BATCH, num_threads=threads, device_id=None, seed=0)
    def pipeline() -> Any:
        jpegs, label = fn.readers.file(
            files=list(files),
            labels=list(labels),
            shuffle_after_epoch=True,
            pad_last_batch=True,
            name="reader",
        )
        images = fn.decoders.image_random_crop(
            jpegs,
            output_type=types.RGB,
            random_area=list(SCALE),
            random_aspect_ratio=list(RATIO),
            num_attempts=10,
        )
        images = fn.resize(images, size=SIZE, interp_type=types.INTERP_TRIANGULAR, antialias=True)
        images = fn.crop_mirror_normalize(
            images,
            mirror=fn.random.coin_flip(),
            dtype=types.FLOAT,
            output_layout="CHW",
            mean=[255 * value for value in MEAN],
            std=[255 * value for value in STD],
        )
        return images, label

    batches = DALIGenericIterator(
        pipeline(),
        ["images", "labels"],
        reader_name="reader",
        last_batch_policy=LastBatchPolicy.PARTIAL,
        auto_reset=True,
    )

    def epoch() -> Iterator[tuple[Any, Any]]:
        for (batch,) in batches:
            yield batch["images"], batch["labels"][:, 0]

    return epoch


# SPDL


def spdl_epochs(folder: Path, _store: Path, threads: int) -> Epoch:
    """FFmpeg's decoder and filters on threads."""
    import spdl.io
    import torch
    from spdl.pipeline import PipelineBuilder

    mean, std = (255 * torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    images = samples(folder)

    def decode(sample: tuple[Path, int]) -> tuple[Any, int]:
        packets = spdl.io.demux_image(str(sample[0]))
        x, y, width, height = draw_crop(packets.width, packets.height)
        flip = ",hflip" if random.random() < 0.5 else ""
        chain = f"crop={width}:{height}:{x}:{y}:exact=1,scale={SIZE}:{SIZE}:flags=bilinear{flip}"
        return spdl.io.decode_packets(packets, filter_desc=f"{chain},format=rgb24"), sample[1]

    def batch(decoded: list[tuple[Any, int]]) -> tuple[Any, Any]:
        buffer = spdl.io.convert_frames([frames for frames, _ in decoded])
        pixels = spdl.io.to_torch(buffer).permute(0, 3, 1, 2).contiguous()
        return (pixels - mean) / std, torch.tensor([label for _, label in decoded])

    def epoch() -> Iterator[tuple[Any, Any]]:
        pipeline = (
            PipelineBuilder()
            .add_source(random.sample(images, len(images)))
            .pipe(decode, concurrency=threads)
            .aggregate(BATCH)
            .pipe(batch)
            .add_sink(2)
            .build(num_threads=threads)
        )
        with pipeline.auto_stop():
            yield from pipeline

    return epoch


def draw_crop(width: int, height: int) -> tuple[int, int, int, int]:
    """x, y, width, height of a random-resized crop, for libraries that have none of their own."""
    for _ in range(10):
        area = width * height * random.uniform(*SCALE)
        ratio = math.exp(random.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), random.randint(0, height - h), w, h
    w, h = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
    return (width - w) // 2, (height - h) // 2, w, h


# FFCV


def prepare_ffcv(folder: Path, store: Path) -> None:
    """Its jpg mode, which encodes every image anew, at quality 90."""
    from ffcv.fields import IntField, RGBImageField
    from ffcv.writer import DatasetWriter
    from torchvision.datasets import ImageFolder

    fields = {"image": RGBImageField(write_mode="jpg", jpeg_quality=90), "label": IntField()}
    DatasetWriter(str(store / "images.beton"), fields, num_workers=1).from_indexed_dataset(
        ImageFolder(str(folder))
    )


def ffcv_epochs(_folder: Path, store: Path, threads: int) -> Epoch:
    """Threads in one process, operations compiled by Numba; its resize has no antialiasing."""
    import numpy as np
    from ffcv.fields.basics import IntDecoder
    from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder
    from ffcv.loader import Loader, OrderOption
    from ffcv.transforms import (
        NormalizeImage,
        RandomHorizontalFlip,
        Squeeze,
        ToTensor,
        ToTorchImage,
    )

    loader = Loader(
        str(store / "images.beton"),
        batch_size=BATCH,
        num_workers=threads,
        order=OrderOption.RANDOM,
        os_cache=True,
        drop_last=False,
        pipelines={
            "image": [
                RandomResizedCropRGBImageDecoder((SIZE, SIZE), SCALE, RATIO),
                RandomHorizontalFlip(),
                NormalizeImage(255 * np.array(MEAN), 255 * np.array(STD), np.float32),
                ToTensor(),
                ToTorchImage(channels_last=False, convert_back_int16=False),
            ],
            "label": [IntDecoder(), ToTensor(), Squeeze()],
        },
    )
    return lambda: loader


# PCR


def prepare_pcr(ladder: str) -> Callable[[Path, Path], None]:
    """Records of 128 images, so that there are several; whatever their number, an epoch has them all."""

    def prepare(folder: Path, store: Path) -> None:
        command = [sys.executable, "-m", "pcr", "convert", str(folder), str(store)]
        command += ["--ladder", ladder, "--batch_size", "128"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return prepare


def pcr_epochs(level: int, decoder: str = "native") -> Callable[[Path, Path, int], Epoch]:
    """PCRLoader at one level."""

    def epochs(_folder: Path, store: Path, threads: int) -> Epoch:
        from pcr.augment import Train
        from pcr.loader import PCRLoader

        transform = Train(SIZE, SCALE, RATIO, mean=MEAN, std=STD)
        loader = PCRLoader(
            store, BATCH, level, transform=transform, num_threads=threads, decoder=decoder
        )
        return lambda: loader

    return epochs


def _shuffled(folder: Path) -> list[tuple[Path, int]]:
    images = samples(folder)
    return random.Random(0).sample(images, len(images))


PEERS = {
    "torchvision-pil": Peer("torchvision ImageFolder, PIL", "torchvision", torchvision_pil),
    "torchvision-io": Peer("torchvision, decode_jpeg", "torchvision", torchvision_decode_jpeg),
    "webdataset": Peer("WebDataset", "webdataset", webdataset_epochs, prepare_webdataset),
    "streaming": Peer(
        "MosaicML Streaming", "mosaicml-streaming", streaming_epochs, prepare_streaming
    ),
    "litdata": Peer("LitData", "litdata", litdata_epochs, prepare_litdata),
    "dali": Peer("DALI, readers.file", "nvidia-dali-cuda130", dali_epochs),
    "spdl": Peer("SPDL", "spdl-io", spdl_epochs),
    "ffcv": Peer("FFCV, jpg", "ffcv", ffcv_epochs, prepare_ffcv, "re-encoded, no antialiasing"),
}


def pcr_peer(ladder: str, level: int) -> Peer:
    """Ours."""
    title = f"PCR {ladder}, level {level}"
    return Peer(title, "progressive-compressed-records", pcr_epochs(level), prepare_pcr(ladder))
