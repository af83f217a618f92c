"""PCRLoader: batches of tensors straight from records, decoded on native threads, without worker processes."""

from __future__ import annotations

import os
import time
import warnings
import weakref
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, TypeAlias

import numpy as np

from pcr.augment import Train, Transform
from pcr.decoding import Batch, DatasetImages, DecodeOptions, TensorDecoder, WholeImageDecoder
from pcr.errors import UsageError
from pcr.iterator import DrawnImage, ReadAhead, Reading, draw_images
from pcr.jpeg import MAX_PIXELS
from pcr.outputs import BatchSpec, make_output
from pcr.reader import Dataset
from pcr.sampler import EpochOrder, batch_count, batch_sizes

Batches: TypeAlias = Generator[tuple[Any, Any], None, None]

_DEFAULT_TRANSFORM = Train()
_DECODERS = ("native", "libjpeg")


class PCRLoader:
    """Batches ``(images, labels)`` of one rank's share of a dataset; each ``iter()`` is one epoch.

    images: a tensor of shape (N, 3, H, W), normalised as the transform says, or pixel values 0 … 255 where the
    dtype is uint8; with ``transform=None`` a list of N uint8 arrays of shape (height, width, 3), each image whole.
    labels: int64 of shape (N,). A batch stays as it is for as long as it is held.

    Every image of the share comes once per epoch, in an order and with crops and flips drawn from (seed, epoch,
    image): pixels depend neither on threads nor on the batch that an image is in. All ranks have as many batches.
    Records are read by one background thread, batches decoded ahead by another with ``num_threads`` native ones;
    all end when the iterator is dropped, when it is exhausted and when anything is raised. docs/LOADER.md has more.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        batch_size: int,
        n_scans: int | None = None,
        *,
        transform: Transform | None = _DEFAULT_TRANSFORM,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
        drop_last: bool = False,
        num_threads: int | None = None,
        dtype: object = None,
        layout: Literal["NCHW", "NHWC"] = "NCHW",
        device: object = "cpu",
        output: Literal["torch", "numpy"] = "torch",
        prefetch_batches: int = 2,
        shuffle_buffer_records: int = 2,
        read_ahead_records: int = 1,
        verify_checksums: bool = True,
        apply_orientation: bool = False,
        on_error: Literal["raise", "skip"] = "raise",
        decoder: Literal["native", "libjpeg"] = "native",
        block_smoothing: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Open the dataset in ``root``; ``n_scans`` levels of it are read, all for None.

        transform: `Train`, `Eval`, an object like them, or None for whole images. num_threads: None for as many as
        the process may use cores. dtype: uint8, float16, bfloat16 or float32 (the default), as a name or as torch's
        or NumPy's object. layout: the order in memory; NHWC is what torch calls channels_last. device: ``"cpu"``, or
        a CUDA device to which batches are copied ahead. output: ``"numpy"`` gives arrays and never imports torch.
        apply_orientation: turn images as their EXIF data say, which torchvision's ImageFolder does not.
        on_error: ``"skip"`` puts another image of the batch in the place of one that can't be decoded, counts it in
        ``skipped`` and warns once. decoder: ``"libjpeg"`` is the slower reference. block_smoothing: libjpeg's, for
        incomplete images; only with ``decoder="libjpeg"``.

        Raises DatasetError where there is no finished dataset, UsageError where an argument is out of range.
        """
        _check_at_least(1, batch_size=batch_size, prefetch_batches=prefetch_batches)
        _check_at_least(1, read_ahead_records=read_ahead_records, max_pixels=max_pixels)
        _check_at_least(0, seed=seed)
        _check_choice("decoder", decoder, _DECODERS)
        _check_choice("on_error", on_error, ("raise", "skip"))
        _check_choice("output", output, ("torch", "numpy"))
        if block_smoothing and decoder != "libjpeg":
            raise UsageError("block_smoothing: expected decoder='libjpeg' with it")
        self.dataset = Dataset(root)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.transform, self.prefetch_batches = transform, prefetch_batches
        self.skipped = 0
        self.wait_seconds = 0.0
        self._options = DecodeOptions(
            _thread_count(num_threads),
            decoder,
            block_smoothing,
            apply_orientation,
            on_error == "skip",
            max_pixels,
        )
        size = None if transform is None else transform.output_size
        spec = BatchSpec.make(batch_size, size, dtype, layout)
        self._output = make_output(output, spec, device, keep=prefetch_batches + 3)
        self._reading = Reading(
            self.dataset.check_level(n_scans), verify_checksums, read_ahead_records
        )
        self._order = EpochOrder(
            tuple(record.images for record in self.dataset.records),
            seed,
            rank=rank,
            world_size=world_size,
            shuffle=shuffle,
            window_records=shuffle_buffer_records,
        )
        self._images = DatasetImages(self.dataset)
        self._position = self._next = (0, 0)  # epoch, batch
        self._running: weakref.ref[Batches] | None = None

    @property
    def n_scans(self) -> int:
        """The level at which records are read; a new value holds from the next record read."""
        return self._reading.level

    @n_scans.setter
    def n_scans(self, n_scans: int | None) -> None:
        self._reading.level = self.dataset.check_level(n_scans)

    @property
    def levels(self) -> int:
        """The number of levels of the dataset, the greatest ``n_scans``."""
        return self.dataset.levels

    @property
    def classes(self) -> list[str]:
        """Class names; the position is the label."""
        return list(self.dataset.class_names)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Labels by class name."""
        return {name: label for label, name in enumerate(self.dataset.class_names)}

    @property
    def num_images(self) -> int:
        """The images of this rank's share."""
        return len(self._order)

    @property
    def bytes_read(self) -> int:
        """Bytes of record files that were asked for so far, read ahead included."""
        return self._reading.bytes_read

    @property
    def read_wait_seconds(self) -> float:
        """How long decoding waited for records so far; ``wait_seconds`` is how long the user did for batches."""
        return self._reading.wait_seconds

    @property
    def epoch(self) -> int:
        """The epoch under way, or the one that the next ``iter()`` begins."""
        return self._resume_point()[0]

    def set_epoch(self, epoch: int) -> None:
        """Let the next ``iter()`` begin this epoch; without it, each begins the one behind the last."""
        _check_at_least(0, epoch=epoch)
        self._position = self._next = (epoch, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands, as plain numbers: the batches that were handed out, not those made ahead."""
        epoch, batch = self._resume_point()
        return {"epoch": epoch, "batch": batch, "n_scans": self.n_scans, **self._fixed()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``iter()`` go on where ``state`` was taken, with the batches that come then.

        Raises UsageError where the state is of a loader that draws other batches.
        """
        for name, value in self._fixed().items():
            if state.get(name) != value:
                raise UsageError(f"{name}: expected {value} as here, found {state.get(name)}")
        epoch, batch = state.get("epoch", -1), state.get("batch", -1)
        _check_at_least(0, epoch=epoch, batch=batch)
        self.n_scans = state.get("n_scans")
        self._position = self._next = (epoch, min(batch, len(self)))

    def __len__(self) -> int:
        """Batches per epoch, the same on all ranks."""
        if self.drop_last:
            return len(self.dataset) // self._order.world_size // self.batch_size
        return batch_count(len(self.dataset), self._order.world_size, self.batch_size)

    def __iter__(self) -> Batches:
        epoch, first_batch = self._position = self._next
        self._next = (epoch + 1, 0)
        batches = self._run(epoch, first_batch)
        self._running = weakref.ref(batches)
        return batches

    def close(self) -> None:
        """End the epoch under way and its threads, even where something else still holds its iterator."""
        batches = self._running() if self._running else None
        if batches is not None:
            batches.close()

    def __enter__(self) -> PCRLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, epoch: int, first_batch: int) -> Batches:
        sizes = self._sizes()
        with ExitStack() as stack:  # what is entered last ends first
            images = stack.enter_context(closing(self._draw(epoch, skip=sum(sizes[:first_batch]))))
            decoder = stack.enter_context(closing(self._make_decoder(epoch)))

            def decode(size: int) -> Batch:
                return decoder.decode([next(images) for _ in range(size)])

            ahead = ReadAhead(decode, sizes[first_batch:], self.prefetch_batches)
            arrivals = stack.enter_context(ahead)
            for batch in range(first_batch, len(sizes)):
                # Not kept in a variable: its buffer is free again as soon as the user lets go of it.
                yield self._receive(arrivals, (epoch, batch + 1))

    def _receive(self, arrivals: ReadAhead[Batch], position: tuple[int, int]) -> tuple[Any, Any]:
        asked = time.perf_counter()
        batch = next(arrivals)
        self.wait_seconds += time.perf_counter() - asked
        self._position = position
        if batch.errors and not self.skipped:
            warnings.warn(
                f"{batch.errors[0]}; another image takes its place, `skipped` counts how often",
                stacklevel=3,
            )
        self.skipped += len(batch.errors)
        return self._output.deliver(batch.images, batch.labels)

    def _draw(self, epoch: int, skip: int) -> Generator[DrawnImage, None, None]:
        order = replace(self._order, epoch=epoch)
        yield from draw_images(self.dataset, order, self._reading, skip=skip)

    def _make_decoder(self, epoch: int) -> TensorDecoder | WholeImageDecoder:
        if self.transform is None:
            return WholeImageDecoder(self._images, self._output, self._options)
        return TensorDecoder(
            self._images, self._output, self._options, self.transform, self._order.seed, epoch
        )

    def _sizes(self) -> list[int]:
        """How many images each batch of an epoch has."""
        if self.drop_last:
            return [self.batch_size] * len(self)
        return batch_sizes(self.num_images, len(self), self.batch_size)

    def _resume_point(self) -> tuple[int, int]:
        epoch, batch = self._position
        return (epoch + 1, 0) if 0 < batch >= len(self) else (epoch, batch)

    def _fixed(self) -> dict[str, Any]:
        """What must be the same for the same batches; the rank is not among it: one rank's state serves all."""
        return {
            "images": len(self.dataset),
            "records": len(self.dataset.records),
            "seed": self._order.seed,
            "world_size": self._order.world_size,
            "shuffle": self._order.shuffle,
            "shuffle_buffer_records": self._order.window_records,
            "batch_size": self.batch_size,
            "drop_last": self.drop_last,
        }


def _thread_count(num_threads: int | None) -> int:
    if num_threads is not None:
        _check_at_least(1, num_threads=num_threads)
        return num_threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_at_least(least: int, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, int | np.integer) or value < least:
            raise UsageError(f"{name}: expected {least} or more, found {value!r}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name}: expected {' or '.join(choices)}, found {value!r}")
