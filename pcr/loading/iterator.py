"""PCRIterator: shuffled minibatches of JPEG bytes and labels, read ahead in the background."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pcr.arguments import check_at_least
from pcr.dataset.column_types import ColumnType
from pcr.dataset.messages import ImageInfo
from pcr.dataset.reader import Dataset, open_dataset
from pcr.errors import FormatError
from pcr.loading.drawing import Drawing
from pcr.loading.jpeg_batch import JpegBatch, Plan, as_it_is, dealt
from pcr.loading.level_mix import LevelMix, Scans
from pcr.loading.order import EpochOrder
from pcr.loading.ranks import Ranks
from pcr.loading.record_images import RecordReading, read_images
from pcr.loading.selection import Subset, select
from pcr.loading.source import JpegSource
from pcr.storage.location import Location
from pcr.storage.store import Store

LOCAL_READS = 1
# With 50 ms of latency and records of 128 images, 8 reads outrun decoding: docs/guides/storage.md.
REMOTE_READS = 8


class PCRIterator(JpegSource):
    """Minibatches of JPEGs, one rank's share of a PCR dataset; each ``for`` loop is one epoch.

    A batch is ``(jpegs, labels)``: lists of uint8 arrays of shape (bytes,), each a whole JPEG, and
    of int32 arrays of shape (1,), as DALI's external source takes them. The arrays are views of a
    record's buffer. With ``columns``, it is a dictionary with ``images``, ``labels`` and these columns.
    Every image of the share comes once per epoch, in an order drawn from (seed, epoch). All ranks
    have the same number of batches. Background threads read ahead.
    """

    _reading: RecordReading

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
    ) -> None:
        """Open a dataset.

        root: a finished dataset: its directory, its URL, a store, or a `Dataset` that is open.
        batch_size: images per batch; the last batch may have fewer.
        n_scans: how many levels are read, 1 to the dataset's number of levels; None: all. A mapping
            such as ``{5: 0.9, 10: 0.1}`` draws one for each record and epoch, by weight.
        seed: of the order, 0 or more.
        rank, world_size: which share of how many; None: those of torch's process group when an
            epoch begins, without one 0 of 1. Each worker of a DataLoader takes a share of its own.
        shuffle: whether the order is drawn; without it, images come as the dataset has them.
        drop_last: leave out batches that are not full, on every rank.
        shuffle_buffer_records: how many records each stream mixes at a time; all of them are in
            memory. The converter has already shuffled images into records, so two are enough.
        canonical_streams: how many streams the order has, whatever the number of ranks; None: as
            many as there are ranks when the run begins. Each rank holds ``canonical_streams`` /
            ``world_size`` × ``shuffle_buffer_records`` records.
        concurrent_reads: how many more are read at once while those are used, each of them in
            memory too; None: 1 from a local directory, 8 from a URL, whose latency they hide.
        cache, cache_limit: a directory that keeps what is fetched from a URL, and how much of it,
            in bytes or as "10GB"; both or neither. None: nothing is written to disk.
        verify_checksums: compare the checksums of all that is read.
        columns: names of columns to read beside the images; a `Loader` puts them into its batches.
        subset: the images that epochs draw: their positions in the dataset, a bool for each of its
            images, or a condition such as ``label == "cat" and width >= 256``. None: all.
        weights: a number for each image of the dataset. An epoch draws as many images as there are
            in the subset, each in proportion to its weight. None: each image once.
        class_balanced: draw as many images, each class of the subset as often as any other.

        Raises DatasetError where there is no finished dataset, StorageError where it can't be
        fetched, UsageError where an argument is out of range.
        """
        self.dataset = open_dataset(root, cache, cache_limit)
        if concurrent_reads is None:
            concurrent_reads = LOCAL_READS if self.dataset.is_local else REMOTE_READS
        check_at_least(1, concurrent_reads=concurrent_reads)
        record_sizes = self.dataset.record_sizes
        selection = select(self.dataset, subset, weights, class_balanced)
        order = EpochOrder(
            record_sizes, seed, 0, shuffle, shuffle_buffer_records, selection=selection
        )
        mix = LevelMix.of(n_scans, self.dataset.levels)
        reading = RecordReading(
            mix=mix,
            verify_checksums=verify_checksums,
            concurrent_reads=concurrent_reads,
            columns=self.dataset.column_types(columns),
        )
        ranks = Ranks(rank, world_size)
        super().__init__(Drawing(order, ranks, batch_size, drop_last, canonical_streams), reading)
        self._first_images = np.cumsum([0, *record_sizes], dtype=np.int64)
        self._infos: dict[int, tuple[ImageInfo, ...]] = {}

    def __repr__(self) -> str:
        return (
            f"<PCRIterator over {self.dataset.location!r}: {self.num_images} of {self.total_images} "
            f"images in batches of {self.batch_size}, n_scans={self.n_scans} of {self.levels}, "
            f"epoch {self.epoch}>"
        )

    @property
    def n_scans(self) -> int | dict[int, float]:
        """The level at which records are read, or the share of each of several.

        A new value holds from the next record read.
        """
        return self._reading.mix.n_scans

    @n_scans.setter
    def n_scans(self, n_scans: Scans | None) -> None:
        self._reading.mix = LevelMix.of(n_scans, self.dataset.levels)

    @property
    def levels(self) -> int:
        """The number of levels of the dataset, the greatest ``n_scans``."""
        return self.dataset.levels

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read beside the images."""
        return tuple(self._reading.columns)

    @property
    def requests(self) -> int:
        """Requests that were sent to servers so far, that of the index and repeated ones included."""
        return self.dataset.store.counters.requests

    @property
    def retries(self) -> int:
        """Requests that were repeated so far."""
        return self.dataset.store.counters.retries

    @property
    def checksum(self) -> str:
        """The checksum of the dataset's index."""
        return f"{self.dataset.info.index_checksum:016x}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The dataset's class names; the position is the label."""
        return self.dataset.classes

    def read(
        self, epoch: int, first_batch: int = 0, plan: Plan = as_it_is
    ) -> Generator[JpegBatch, None, None]:
        """The batches of an epoch from ``first_batch`` on."""
        share = self.share(epoch, first_batch)
        images = read_images(
            self.dataset, share, self._reading, self._first_images, self.batch_size
        )
        columns = self._reading.columns
        batches = dealt(images, self.sizes(epoch, first_batch), plan, columns)
        return _collected(batches, columns) if columns else batches

    def orientations(self, batch: JpegBatch) -> NDArray[np.uint8]:
        """Each image's EXIF orientation, 1 … 8, from its record's metadata."""
        found = [info.orientation or 1 for info in self._image_infos(batch)]
        return np.array(found, dtype=np.uint8)

    def level_ends(self, batch: JpegBatch) -> NDArray[np.int64]:
        """Where each level ends in each image at full fidelity: int64 of shape (n, levels)."""
        found = [info.level_bytes for info in self._image_infos(batch)]
        return np.cumsum(np.array(found, dtype=np.int64).reshape(-1, self.levels), axis=1)

    def _image_infos(self, batch: JpegBatch) -> list[ImageInfo]:
        records, images = self._places(batch.images["number"])
        for record in set(records.tolist()) - self._infos.keys():
            self._infos[record] = self.dataset.records[record].info().images
        pairs = zip(records.tolist(), images.tolist(), strict=True)
        return [self._infos[record][image] for record, image in pairs]

    def error(self, image: int, message: str) -> str:
        """One line that names the image and its record."""
        (record,), (position,) = self._places(np.array([image]))
        try:
            name = self.dataset.records[record].info().images[position].name
        except FormatError:
            name = f"number {position}"
        return f"{self.dataset.records[record].location}: image {name}: {message}"

    def _places(self, images: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Records, and positions in them."""
        records = np.searchsorted(self._first_images, images, side="right") - 1
        return records, images - self._first_images[records]


def _collected(
    batches: Generator[JpegBatch, None, None], columns: Mapping[str, ColumnType]
) -> Generator[JpegBatch, None, None]:
    # Not a method: a generator that held its iterator would keep it, and its thread, alive.
    with closing(batches):
        for batch in batches:
            values = {
                name: type.collect(list(batch.columns[name])) for name, type in columns.items()
            }
            yield replace(batch, columns=values)
