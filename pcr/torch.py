"""Datasets and a sampler for ``torch.utils.data.DataLoader``, and for what is built on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch.utils.data as torch_data
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pcr.arguments import check_at_least
from pcr.dataset.columns import check_columns
from pcr.dataset.image import Image
from pcr.dataset.reader import Dataset, open_dataset
from pcr.errors import FormatError
from pcr.extension import native
from pcr.kept_threads import KeptThreads
from pcr.loading.iterator import PCRIterator
from pcr.loading.lanes import Division, lanes_of
from pcr.loading.order import EpochOrder
from pcr.loading.ranks import Ranks
from pcr.loading.rounds import ShareOrder
from pcr.storage.location import Location
from pcr.storage.store import Store

Decode = Callable[[bytes], Any]
"""What makes an image of a JPEG."""
_CONCURRENT_READS = 16  # of images on a server


def to_pillow(jpeg: bytes) -> PillowImage.Image:
    """An RGB image of Pillow's, decoded as the project's loader does."""
    return PillowImage.fromarray(native.decode_rgb(jpeg))


class _Samples:
    """What both kinds of data sets make of a JPEG and a label."""

    def __init__(
        self,
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[int], Any] | None,
        decode: Decode,
    ) -> None:
        self.transform, self.target_transform = transform, target_transform
        self.decode = decode

    def _image(self, jpeg: bytes, named: Callable[[str], str]) -> Any:
        """The image; `named` puts its name before what is wrong with it."""
        try:
            decoded = self.decode(jpeg)
        except FormatError as error:
            raise FormatError(named(str(error))) from None
        return decoded if self.transform is None else self.transform(decoded)

    def _target(self, label: int) -> Any:
        return label if self.target_transform is None else self.target_transform(label)


class MapDataset(_Samples, torch_data.Dataset):
    """A PCR dataset with the interface of torchvision's ``ImageFolder``: ``dataset[i]`` is a sample.

    A sample is ``(image, target)``. With ``columns`` it is a dictionary with the keys ``image``,
    ``label`` and those. Only the bytes of the images that are asked for are read, at ``n_scans``
    levels, which can be set at any time. Safe to pickle, to fork and to spawn.

    classes, class_to_idx: the classes. targets: the label of each image. samples: name and label of
    each image.
    """

    def __init__(
        self,
        root: Location | Store | Dataset,
        n_scans: int | None = None,
        *,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        decode: Decode = to_pillow,
        columns: Sequence[str] = (),
    ) -> None:
        """Open a dataset: its directory, its URL, a store, or one that is open.

        n_scans: how many levels are read; None: all.
        transform: applied to each image. target_transform: applied to each label.
        decode: what makes an image of a JPEG; default: an RGB image of Pillow's.
        columns: names of columns to give with each image.

        Raises as `pcr.Dataset`, UsageError where there is no such level or column.
        """
        self.dataset = open_dataset(root)
        check_columns(columns, self.dataset.columns)
        self.n_scans = self.dataset.check_level(n_scans)
        super().__init__(transform, target_transform, decode)
        self.columns = tuple(columns)
        self._threads = KeptThreads(_CONCURRENT_READS)

    @property
    def classes(self) -> list[str]:
        """The names of the classes; the position is the label."""
        return list(self.dataset.classes)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class."""
        return {name: label for label, name in enumerate(self.dataset.classes)}

    @property
    def targets(self) -> list[int]:
        """The label of each image."""
        return self.dataset.labels.tolist()

    @property
    def samples(self) -> list[tuple[str, int]]:
        """The name and the label of each image."""
        return list(zip(self.dataset.names, self.targets, strict=True))

    imgs = samples  # as ImageFolder has it

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """The sample at a position; raises as `pcr.Image.decode`."""
        image = self.dataset[index]
        return self._sample(image, image.jpeg(self.n_scans))

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The samples at several positions; from a server, many images are fetched at once."""
        images = [self.dataset[index] for index in indices]
        each = map if self.dataset.is_local else self._threads.map
        jpegs = each(lambda image: image.jpeg(self.n_scans), images)
        return [self._sample(*pair) for pair in zip(images, jpegs, strict=True)]

    def _sample(self, image: Image, jpeg: bytes) -> Any:
        where = image.record.location
        decoded = self._image(jpeg, lambda error: f"{where}: image {image.name}: {error}")
        label = self._target(image.label)
        if not self.columns:
            return decoded, label
        return {"image": decoded, "label": label} | {c: image.column(c) for c in self.columns}

    def __repr__(self) -> str:
        return f"<MapDataset over {self.dataset!r}, n_scans={self.n_scans}>"


class RecordSampler(torch_data.Sampler):
    """Positions in the order of `pcr.Loader`, in which images of a record come close together.

    Each rank takes its share, and all have equally many: without ``drop_last`` those with one image
    fewer repeat their first, as torch's ``DistributedSampler`` does. Call ``set_epoch`` before each
    epoch, or every one has the same order.
    """

    def __init__(
        self,
        dataset: MapDataset | Dataset,
        *,
        seed: int = 0,
        shuffle: bool = True,
        shuffle_buffer_records: int = 2,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        """Draw the positions of a dataset's images.

        seed: of the order, 0 or more. shuffle: whether the order is drawn.
        shuffle_buffer_records: how many records are mixed at a time.
        drop_last: leave out the images that some ranks would have and others not.
        rank, world_size: which share of how many; None: those of torch's process group.

        Raises UsageError where an argument is out of range.
        """
        opened = dataset.dataset if isinstance(dataset, MapDataset) else dataset
        self._sizes = opened.record_sizes
        self._first: NDArray[np.int64] = np.cumsum([0, *self._sizes], dtype=np.int64)
        self._order = EpochOrder(self._sizes, seed, 0, shuffle, shuffle_buffer_records)
        self._ranks, self._drop_last, self.epoch = Ranks(rank, world_size), drop_last, 0

    def set_epoch(self, epoch: int) -> None:
        """Let the next ``iter()`` draw this epoch's order."""
        check_at_least(0, epoch=epoch)
        self.epoch = epoch

    def __len__(self) -> int:
        _, world_size = self._ranks.of_process()
        images = int(self._first[-1])
        return images // world_size if self._drop_last else -(-images // world_size)

    def __iter__(self) -> Iterator[int]:
        first, given = 0, 0
        for position in islice(self._share(), len(self)):
            first = position if given == 0 else first
            given += 1
            yield position
        if given < len(self):
            yield first

    def _share(self) -> Iterator[int]:
        rank, world_size = self._ranks.of_process()
        order = EpochOrder(
            self._sizes,
            self._order.seed,
            self.epoch,
            self._order.shuffle,
            self._order.shuffle_buffer_records,
            world_size,
        )
        division = Division.of(lanes_of(order), world_size, batch_size=1, drop_last=False)
        for drawn in ShareOrder(order, division.block(rank)).rounds():
            yield from (self._first[drawn.records] + drawn.images).tolist()


class IterableDataset(_Samples, torch_data.IterableDataset):
    """A PCR dataset as a stream of samples, which reads whole prefixes of records ahead.

    Samples are those of `MapDataset`. Each rank, and each worker of a DataLoader, takes a share of
    its own. Call ``set_epoch`` before each epoch. ``state_dict`` and ``load_state_dict`` let
    torchdata's ``StatefulDataLoader`` resume in mid-epoch.
    """

    def __init__(
        self,
        root: Location | Store | Dataset,
        n_scans: int | None = None,
        *,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        decode: Decode = to_pillow,
        **reading: Any,
    ) -> None:
        """Open a dataset, as `MapDataset`; ``reading``: further arguments of `pcr.PCRIterator`."""
        super().__init__(transform, target_transform, decode)
        self.source = PCRIterator(root, 1, n_scans, **reading)

    @property
    def classes(self) -> list[str]:
        """The names of the classes; the position is the label."""
        return list(self.source.classes)

    def set_epoch(self, epoch: int) -> None:
        """Let the next ``iter()`` begin this epoch."""
        self.source.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, as plain values."""
        return self.source.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``iter()`` resume there."""
        self.source.load_state_dict(state)

    def __len__(self) -> int:
        return self.source.num_images

    def __iter__(self) -> Iterator[Any]:
        return self.source.begin(self._run)

    def _run(self, epoch: int, first_batch: int) -> Generator[Any, None, None]:
        with closing(self.source.read(epoch, first_batch)) as batches:
            for batch in batches:
                self.source.count()
                for jpeg, label, image in zip(
                    batch.jpegs,
                    batch.images["label"].tolist(),
                    batch.images["number"].tolist(),
                    strict=True,
                ):
                    named = partial(self.source.error, image)
                    yield self._image(jpeg.tobytes(), named), self._target(label)
