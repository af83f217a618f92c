"""Loader: batches of tensors straight from records, decoded on native threads."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, Literal, TypeAlias

from numpy.typing import ArrayLike

from pcr.dataset.reader import Dataset
from pcr.errors import printable
from pcr.extras import naming_extras
from pcr.jpeg import MAX_PIXELS
from pcr.loading.buffers import BatchSpec, NumpyOutput, Output
from pcr.loading.callables import BatchTransform, ImageTransform
from pcr.loading.decode_options import DEFAULT_TRANSFORM, DecodeOptions, Layout
from pcr.loading.decoding import Begun, Decoded, Decoder, is_named, make_decoder
from pcr.loading.epochs import EpochIterator
from pcr.loading.iterator import PCRIterator
from pcr.loading.level_mix import Scans
from pcr.loading.read_ahead import ReadAhead
from pcr.loading.selection import Subset
from pcr.loading.source import JpegSource
from pcr.loading.windows import Transform
from pcr.storage.location import Location
from pcr.storage.store import Store

Tensors: TypeAlias = Any
"""A batch: images and labels, or a dictionary that has them and more."""

_DEFAULTS = DecodeOptions()


class TensorLoader(EpochIterator[Tensors]):
    """Batches ``(images, labels)`` of what a source of JPEGs reads; each ``for`` loop is one epoch.

    images: a tensor of shape (N, 3, H, W), normalised as the transform says, or pixel values 0 …
    255 where the dtype is uint8. With ``transform=None`` a list of N uint8 tensors of shape (3,
    height, width), each image whole. With the layout "NHWC" the channels come last.
    labels: int64 of shape (N,). A batch stays as it is for as long as it is held.

    Where columns, ``return_index`` or ``return_crop`` are asked for, a batch is a dictionary with
    ``images``, ``labels`` and these.

    source: what is read, and where the loader stands in it. options: the `DecodeOptions`.
    skipped: how many images that can't be decoded were replaced so far.
    wait_seconds: how long the loop has waited for batches.

    Crops and flips are drawn from (seed, epoch, image): pixels depend neither on threads nor on the
    batch that an image is in. One background thread reads files, another decodes batches ahead with
    ``num_threads`` native ones. All end when the iterator is dropped, when it is exhausted and when
    anything is raised.
    """

    # So that setting loader.n_scans, for loader.source.n_scans, is an error and not without effect.
    __slots__ = ("_output", "options", "skipped", "source", "wait_seconds")

    def __init__(self, source: JpegSource, options: DecodeOptions = _DEFAULTS) -> None:
        """Decode what ``source`` reads. UsageError for a device that is not there."""
        self.source, self.options = source, options
        self.skipped = 0
        self.wait_seconds = 0.0
        self._output = _make_output(options, options.spec(source.batch_size))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self.source!r}, {self.options!r}>"

    def __len__(self) -> int:
        return len(self.source)

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self.source.epoch

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Let the next ``iter()`` begin this epoch, at a batch; the epoch under way ends.

        Without it, each ``iter()`` begins the next epoch. UsageError where there is no such batch.
        """
        self.source.set_epoch(epoch, first_batch)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands, as plain values. Batches that are made ahead do not count."""
        return self.source.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``iter()`` resume where ``state`` was taken.

        Raises UsageError where the state is of a loader that draws other batches.
        """
        self.source.load_state_dict(state)

    def __iter__(self) -> Generator[Tensors, None, None]:
        return self.source.begin(self._run)

    def close(self) -> None:
        """End the epoch under way and its threads, even if something else holds its iterator."""
        self.source.close()

    def _run(self, epoch: int, first_batch: int) -> Generator[Tensors, None, None]:
        numbers = range(first_batch, len(self))
        # Of the batches that are made ahead, one is decoded while those before it are finished.
        depth = max(1, self.options.prefetch_batches - 1)
        with ReadAhead(self._decoded(epoch, numbers), depth, name="pcr-tensors") as arrivals:
            for _ in numbers:
                # Not kept in a variable: its buffer is free once the user lets go of it.
                yield self._receive(arrivals)

    def _decoded(self, epoch: int, numbers: range) -> Generator[Decoded, None, None]:
        """The batches as the background threads make them, which own all that this takes."""
        with (
            closing(make_decoder(self.source, self._output, self.options, epoch)) as decoder,
            ReadAhead(self._begun(decoder, numbers), 1, name="pcr-batches") as begun,
        ):
            yield from map(decoder.finish, begun)

    def _begun(self, decoder: Decoder, numbers: range) -> Generator[Begun, None, None]:
        with closing(decoder.read(numbers.start)) as jpegs:
            yield from map(decoder.begin, jpegs, numbers)

    def _receive(self, arrivals: ReadAhead[Decoded]) -> Tensors:
        asked = time.perf_counter()
        batch = next(arrivals)
        self.wait_seconds += time.perf_counter() - asked
        self.source.count()
        if batch.errors and not self.skipped:
            warnings.warn(
                f"{printable(batch.errors[0])}; another image takes its place, `skipped` counts how often",
                stacklevel=3,
            )
        self.skipped += len(batch.errors)
        delivered = self._output.deliver(batch.sent)
        if is_named(self.source, self.options):
            return delivered
        return delivered["images"], delivered["labels"]


class Loader(TensorLoader):
    """Batches ``(images, labels)`` of a PCR dataset; each ``for`` loop over it is one epoch.

    images: float32 of shape (N, 3, H, W), normalised. labels: int64 of shape (N,).
    Every image of the share comes once per epoch, in an order drawn from (seed, epoch). All ranks
    have the same number of batches. ``source`` is the `PCRIterator` that reads:
    ``loader.source.n_scans = 5`` changes the fidelity. See `TensorLoader` and docs/guides/loader.md.
    """

    __slots__ = ()
    source: PCRIterator

    def __init__(
        self,
        root: Location | Store | Dataset,
        batch_size: int,
        n_scans: Scans | None = None,
        *,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        shuffle: bool = True,
        drop_last: bool = False,
        shuffle_buffer_records: int = 2,
        canonical_streams: int | None = None,
        concurrent_reads: int | None = None,
        cache: str | os.PathLike[str] | None = None,
        cache_limit: int | str | None = None,
        verify_checksums: bool = True,
        columns: Sequence[str] = (),
        subset: Subset | None = None,
        weights: ArrayLike | None = None,
        class_balanced: bool = False,
        transform: Transform | None = DEFAULT_TRANSFORM,
        num_threads: int | None = None,
        dtype: object = None,
        layout: Layout = "NCHW",
        device: object = "cpu",
        output: Literal["torch", "numpy"] = "torch",
        prefetch_batches: int = 2,
        apply_orientation: bool = False,
        on_error: Literal["raise", "skip"] = "raise",
        decoder: Literal["native", "libjpeg"] = "native",
        block_smoothing: bool = True,
        max_pixels: int = MAX_PIXELS,
        return_index: bool = False,
        return_crop: bool = False,
        image_transform: ImageTransform | None = None,
        batch_transform: BatchTransform | None = None,
    ) -> None:
        """Open a dataset.

        What is read, as of `PCRIterator`:

        root: a finished dataset: its directory, its URL, a store, or a `Dataset` that is open.
        batch_size: images per batch; the last batch may have fewer.
        n_scans: how many levels are read, 1 to the dataset's number of levels; None: all. A mapping
            such as ``{5: 0.9, 10: 0.1}`` draws one for each record and epoch, by weight.
        seed: of the order, the crops and the flips, 0 or more.
        rank, world_size: which share of how many; None: those of torch's process group when an
            epoch begins, without one 0 of 1. Each worker of a DataLoader takes a share of its own.
        shuffle: whether the order is drawn; without it, images come as the dataset has them.
        drop_last: leave out batches that are not full, on every rank.
        shuffle_buffer_records: how many records each stream mixes at a time; all of them are in
            memory.
        canonical_streams: how many streams the order has, whatever the number of ranks; None: as
            many as there are ranks when the run begins. Each rank holds ``canonical_streams`` /
            ``world_size`` × ``shuffle_buffer_records`` records.
        concurrent_reads: how many more are read at once while those are used, each of them in
            memory too; None: 1 from a local directory, 8 from a URL, whose latency they hide.
        cache, cache_limit: a directory that keeps what is fetched from a URL, and how much of it,
            in bytes or as "10GB"; both or neither. None: nothing is written to disk.
        verify_checksums: compare the checksums of all that is read.
        columns: names of columns that batches are to have: arrays, or lists where sizes differ.
        subset: the images that epochs draw: their positions in the dataset, a bool for each of its
            images, or a condition such as ``label == "cat" and width >= 256``. None: all.
        weights: a number for each image of the dataset. An epoch draws as many images as there are
            in the subset, each in proportion to its weight. None: each image once.
        class_balanced: draw as many images, each class of the subset as often as any other.

        How it is decoded, as of `DecodeOptions`:

        transform: `TrainTransform`, `EvalTransform`, an object like them, or None for whole images.
        num_threads: native threads that decode; None: as many as the process may use cores.
        dtype: uint8 (pixel values 0 … 255, not normalised), float16, bfloat16 or float32, as a name
            or as torch's or NumPy's object; None: float32, and uint8 for whole
            images and ``image_transform``.
        layout: the shape, "NCHW" or "NHWC"; or "channels_last": NCHW, in memory as NHWC.
        device: "cpu", or a CUDA device, to which batches are copied ahead.
        output: "torch", or "numpy" for arrays; torch is not imported then.
        prefetch_batches: how many batches are made ahead; each takes memory of its own.
        apply_orientation: turn images as their EXIF data say, which torchvision's ImageFolder does
            not.
        on_error: "raise", or "skip": the next good image takes the place of one that can't be
            decoded; the loader counts it in ``skipped`` and warns once. See docs/guides/loader.md.
        decoder: "native", or "libjpeg", the slower reference.
        block_smoothing: at levels that have no AC coefficients of a component yet, interpolate its
            DC instead of showing flat blocks; with decoder="libjpeg" libjpeg's own smoothing.
        max_pixels: an image with more can't be decoded.
        return_index: whether batches have each image's position in the dataset, as ``index``.
        return_crop: whether they have ``window``, ``flip`` and ``size``: see `DecodeOptions`.
        image_transform, batch_transform: callables on each uint8 image, on threads of Python, and
            on each batch, ahead in the background: see docs/guides/transforms.md.

        Raises DatasetError where there is no finished dataset, StorageError where it can't be
        fetched, UsageError where an argument is out of range.
        """
        options = DecodeOptions(
            transform=transform,
            num_threads=num_threads,
            dtype=dtype,
            layout=layout,
            device=device,
            output=output,
            prefetch_batches=prefetch_batches,
            apply_orientation=apply_orientation,
            on_error=on_error,
            decoder=decoder,
            block_smoothing=block_smoothing,
            max_pixels=max_pixels,
            return_index=return_index,
            return_crop=return_crop,
            image_transform=image_transform,
            batch_transform=batch_transform,
        )
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
            canonical_streams=canonical_streams,
            concurrent_reads=concurrent_reads,
            cache=cache,
            cache_limit=cache_limit,
            verify_checksums=verify_checksums,
            columns=columns,
            subset=subset,
            weights=weights,
            class_balanced=class_balanced,
        )
        super().__init__(source, options)


def _make_output(options: DecodeOptions, spec: BatchSpec) -> Output:
    """Where batches go. Besides those made ahead, one is in the making and two are in the loop."""
    buffers = options.prefetch_batches + 3
    if options.output == "numpy":
        return NumpyOutput(spec, buffers)
    with naming_extras():
        from pcr.loading.torch_buffers import tensor_output  # NumPy's arrays do without torch

    return tensor_output(spec, buffers, options.device)
