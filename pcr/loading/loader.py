"""Loader: batches of tensors straight from records, decoded on native threads, without worker processes."""

from __future__ import annotations

import os
import time
import warnings
import weakref
from collections.abc import Generator
from contextlib import ExitStack, closing
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

import numpy as np

from pcr.cores import usable_cores
from pcr.errors import UsageError
from pcr.jpeg import MAX_PIXELS
from pcr.loading.buffers import BatchSpec
from pcr.loading.decoding import Batch, DecodeOptions, TensorDecoder, WholeImageDecoder, make_output
from pcr.loading.epochs import EpochIterator
from pcr.loading.iterator import PCRIterator
from pcr.loading.read_ahead import ReadAhead
from pcr.loading.source import JpegSource
from pcr.loading.transforms import TrainTransform, Transform

Tensors: TypeAlias = tuple[Any, Any]
"""Images and labels."""

_DEFAULT_TRANSFORM = TrainTransform()


class TensorOptions(TypedDict, total=False):
    """The keyword arguments of `TensorLoader`, which tells what each means."""

    transform: Transform | None
    num_threads: int | None
    dtype: object
    layout: Literal["NCHW", "NHWC"]
    device: object
    output: Literal["torch", "numpy"]
    prefetch_batches: int
    apply_orientation: bool
    on_error: Literal["raise", "skip"]
    decoder: Literal["native", "libjpeg"]
    block_smoothing: bool
    max_pixels: int


class TensorLoader(EpochIterator[Tensors]):
    """Batches ``(images, labels)`` of what a source of JPEGs reads; each ``iter()`` is one epoch.

    images: a tensor of shape (N, 3, H, W), normalised as the transform says, or pixel values 0 … 255 where the
    dtype is uint8; with ``transform=None`` a list of N uint8 arrays of shape (height, width, 3), each image whole.
    labels: int64 of shape (N,). A batch stays as it is for as long as it is held.

    Crops and flips are drawn from (seed, epoch, image): pixels depend neither on threads nor on the batch that an
    image is in. Files are read by one background thread, batches decoded ahead by another with ``num_threads``
    native ones; all end when the iterator is dropped, when it is exhausted and when anything is raised.
    """

    def __init__(
        self,
        source: JpegSource,
        *,
        transform: Transform | None = _DEFAULT_TRANSFORM,
        num_threads: int | None = None,
        dtype: object = None,
        layout: Literal["NCHW", "NHWC"] = "NCHW",
        device: object = "cpu",
        output: Literal["torch", "numpy"] = "torch",
        prefetch_batches: int = 2,
        apply_orientation: bool = False,
        on_error: Literal["raise", "skip"] = "raise",
        decoder: Literal["native", "libjpeg"] = "native",
        block_smoothing: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Decode what ``source`` reads.

        transform: `TrainTransform`, `EvalTransform`, an object like them, or None for whole images.
        num_threads: None for as many as
        the process may use cores. dtype: uint8, float16, bfloat16 or float32 (the default), as a name or as torch's
        or NumPy's object. layout: the order in memory; NHWC is what torch calls channels_last. device: ``"cpu"``, or
        a CUDA device to which batches are copied ahead. output: ``"numpy"`` gives arrays and never imports torch.
        apply_orientation: turn images as their EXIF data say, which torchvision's ImageFolder does not.
        on_error: ``"skip"`` puts another image of the batch in the place of one that can't be decoded, counts it in
        ``skipped`` and warns once. decoder: ``"libjpeg"`` is the slower reference. block_smoothing: libjpeg's, for
        incomplete images; only with ``decoder="libjpeg"``.

        Raises UsageError where an argument is out of range.
        """
        super().__init__()
        _check_at_least(1, prefetch_batches=prefetch_batches, max_pixels=max_pixels)
        _check_choice("decoder", decoder, ("native", "libjpeg"))
        _check_choice("on_error", on_error, ("raise", "skip"))
        _check_choice("output", output, ("torch", "numpy"))
        if block_smoothing and decoder != "libjpeg":
            raise UsageError("block_smoothing: expected decoder='libjpeg' with it")
        self.transform, self.prefetch_batches = transform, prefetch_batches
        self.skipped = 0
        self.wait_seconds = 0.0
        self._source = source
        self._options = DecodeOptions(
            _thread_count(num_threads),
            decoder,
            block_smoothing,
            apply_orientation,
            on_error == "skip",
            max_pixels,
        )
        size = None if transform is None else transform.output_size
        spec = BatchSpec.make(source.batch_size, size, dtype, layout)
        self._output = make_output(output, spec, device, keep=prefetch_batches + 3)
        self._left_in_mid_epoch = False
        self._running: weakref.ref[Generator[Tensors, None, None]] | None = None

    @property
    def n_scans(self) -> int | None:
        """The level at which records are read, None for images; a new value holds from the next record read."""
        return self._source.n_scans

    @n_scans.setter
    def n_scans(self, n_scans: int | None) -> None:
        self._source.n_scans = n_scans

    @property
    def levels(self) -> int | None:
        """The number of levels of the dataset, the greatest ``n_scans``; None for images."""
        return self._source.levels

    @property
    def classes(self) -> list[str]:
        """Class names; the position is the label."""
        return self._source.classes

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Labels by class name."""
        return {name: label for label, name in enumerate(self.classes)}

    @property
    def num_images(self) -> int:
        """The images of this rank's share."""
        return self._source.num_images

    @property
    def total_images(self) -> int:
        """The images of all ranks."""
        return self._source.total_images

    @property
    def batch_sizes(self) -> list[int]:
        """Images of each of this rank's batches."""
        return self._source.batch_sizes

    @property
    def bytes_read(self) -> int:
        """Bytes of files that were asked for so far, read ahead included."""
        return self._source.bytes_read

    @property
    def read_wait_seconds(self) -> float:
        """How long decoding waited for files so far; ``wait_seconds`` is how long the user did for batches."""
        return self._source.wait_seconds

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands, as plain numbers: the batches that were handed out, not those made ahead."""
        epoch, batch = self.position
        return {"epoch": epoch, "batch": batch, "n_scans": self.n_scans, **self._source.drawing()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``iter()`` go on where ``state`` was taken, with the batches that come then.

        Raises UsageError where the state is of a loader that draws other batches.
        """
        self._source.check_drawing(state)
        epoch, batch = state.get("epoch", -1), state.get("batch", -1)
        _check_at_least(0, epoch=epoch, batch=batch)
        self.n_scans = state.get("n_scans")
        self.set_epoch(epoch, min(batch, len(self)))

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Let the next ``iter()`` begin this epoch; without it, each begins the one behind the last."""
        super().set_epoch(epoch, first_batch)
        self._left_in_mid_epoch = False

    def __iter__(self) -> Generator[Tensors, None, None]:
        self.close()
        if self._left_in_mid_epoch:
            self._position = (self._position[0] + 1, 0)
        self._left_in_mid_epoch = True
        batches = self._run(*self._position)
        self._running = weakref.ref(batches)
        return batches

    def close(self) -> None:
        """End the epoch under way and its threads, even where something else still holds its iterator."""
        batches = self._running() if self._running else None
        if batches is not None:
            batches.close()

    def _run(self, epoch: int, first_batch: int) -> Generator[Tensors, None, None]:
        numbers = range(first_batch, len(self))
        with ExitStack() as stack:  # what is entered last ends first
            jpegs = stack.enter_context(closing(self._source.read(epoch, first_batch)))
            decoder = stack.enter_context(closing(self._make_decoder(epoch)))
            ahead = ReadAhead(lambda _: decoder.decode(next(jpegs)), numbers, self.prefetch_batches)
            arrivals = stack.enter_context(ahead)
            for batch in numbers:
                # Not kept in a variable: its buffer is free again as soon as the user lets go of it.
                yield self._receive(arrivals, (epoch, batch + 1))

    def _receive(self, arrivals: ReadAhead[int, Batch], position: tuple[int, int]) -> Tensors:
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

    def _make_decoder(self, epoch: int) -> TensorDecoder | WholeImageDecoder:
        if self.transform is None:
            return WholeImageDecoder(self._source, self._output, self._options)
        return TensorDecoder(self._source, self._output, self._options, self.transform, epoch)


class Loader(TensorLoader):
    """Batches ``(images, labels)`` of one rank's share of a PCR dataset, as `TensorLoader` makes them.

    Every image of the share comes once per epoch, in an order drawn from (seed, epoch). All ranks have as many
    batches. docs/LOADER.md has more.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        batch_size: int,
        n_scans: int | None = None,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
        drop_last: bool = False,
        shuffle_buffer_records: int = 2,
        read_ahead_records: int = 1,
        verify_checksums: bool = True,
        **options: Unpack[TensorOptions],
    ) -> None:
        """Open the dataset in ``root``; ``n_scans`` levels of it are read, all for None.

        The other arguments are those of `pcr.loading.iterator.PCRIterator`, and of `TensorLoader`.

        Raises DatasetError where there is no finished dataset, UsageError where an argument is out of range.
        """
        source = PCRIterator(
            root,
            batch_size,
            n_scans,
            seed=seed,
            rank=rank,
            world_size=world_size,
            shuffle=shuffle,
            drop_last=drop_last,
            shuffle_buffer_records=shuffle_buffer_records,
            read_ahead_records=read_ahead_records,
            verify_checksums=verify_checksums,
        )
        super().__init__(source, **options)
        self.dataset = source.dataset
        self.batch_size, self.drop_last = batch_size, drop_last


def _thread_count(num_threads: int | None) -> int:
    if num_threads is not None:
        _check_at_least(1, num_threads=num_threads)
        return num_threads
    return usable_cores()


def _check_at_least(least: int, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, int | np.integer) or value < least:
            raise UsageError(f"{name}: expected {least} or more, found {value!r}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name}: expected {' or '.join(choices)}, found {value!r}")
