"""Loaders with threads in one process: DALI, SPDL, FFCV."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peers.common import BATCH, MEAN, RATIO, SCALE, SIZE, STD, Epoch, samples


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


def prepare_ffcv(folder: Path, store: Path) -> None:
    """Its jpg mode, which re-encodes every image, at quality 90."""
    write_beton(folder, store, write_mode="jpg", jpeg_quality=90)


def prepare_ffcv_raw(folder: Path, store: Path) -> None:
    """Its raw mode: all pixels, so that nothing is left to decode."""
    write_beton(folder, store, write_mode="raw")


def write_beton(folder: Path, store: Path, **image: Any) -> None:
    """FFCV's file of a folder, with those options of its images."""
    from ffcv.fields import IntField, RGBImageField
    from ffcv.writer import DatasetWriter
    from torchvision.datasets import ImageFolder

    fields = {"image": RGBImageField(**image), "label": IntField()}
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
