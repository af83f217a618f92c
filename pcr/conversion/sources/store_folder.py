"""StoreFolder: an ImageFolder in an object store."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pcr.errors import DatasetError, FormatError, ObjectNotFoundError
from pcr.imagefolder import EXTENSIONS, Sample, labelled
from pcr.storage.location import join
from pcr.storage.remote import RemoteStore


@dataclass(frozen=True)
class StoreFolder:
    """Objects whose names begin with a class and a slash, in the order of the same files on disk.

    store: where they are. objects: size in bytes and ETag (or time) of each image, by name.
    """

    store: RemoteStore
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    objects: Mapping[str, tuple[int, str]]

    columns = ()
    concurrent_reads = 16  # at 50 ms an answer: 320 images/s

    @classmethod
    def scan(cls, store: RemoteStore) -> StoreFolder:
        """List the images in a store.

        Raises DatasetError where there is no class, or a class without images, StorageError where
        the store does not answer, or cannot list.
        """
        names: dict[str, list[str]] = defaultdict(list)
        objects = {}
        for name, size, version in store.objects():
            class_name, slash, _ = name.partition("/")
            if slash:
                images = names[class_name]
                if name.lower().endswith(EXTENSIONS):
                    images.append(name)
                    objects[name] = (size, version)
        if not names:
            raise DatasetError(
                f"{store.location}: expected images named CLASS/IMAGE, found no such object"
            )
        in_order = {
            class_name: sorted(names[class_name], key=lambda name: name.rpartition("/")[::2])
            for class_name in sorted(names)
        }
        return cls(store, *labelled(store.location, in_order), objects)

    @property
    def location(self) -> str:
        """The URL, without credentials."""
        return self.store.location

    def where(self, sample: Sample) -> str:
        """The URL of one image."""
        return join(self.location, sample.name)

    def size_and_version(self, sample: Sample) -> tuple[int, str]:
        """Bytes and ETag of one image, as they were listed."""
        return self.objects[sample.name]

    def read(self, sample: Sample, most_bytes: int) -> bytes:
        """The bytes of one image; OSError or FormatError where it is bad, else StorageError."""
        expected, _ = self.objects[sample.name]
        if expected > most_bytes:
            raise FormatError(f"expected at most {most_bytes} bytes, found {expected}")
        try:
            data = self.store.read(sample.name)
        except ObjectNotFoundError:
            missing = errno.ENOENT
            raise FileNotFoundError(missing, os.strerror(missing), self.where(sample)) from None
        if len(data) != expected:
            raise DatasetError(
                f"{self.where(sample)}: expected the {expected} bytes that were listed, found "
                f"{len(data)}: it was replaced in the meantime"
            )
        return data

    def values(self, sample: Sample) -> tuple[()]:
        """A folder knows nothing else of its images."""
        return ()

    def rewritable(self, sample: Sample) -> None:
        """Objects are not rewritten."""

    def relabelled(self, classes: Sequence[str], samples: Sequence[Sample]) -> StoreFolder:
        """Some of the images, with other labels."""
        return replace(self, classes=tuple(classes), samples=tuple(samples))

    def sendable(self, samples: Sequence[Sample]) -> StoreFolder:
        """The same, knowing no other images."""
        objects = {sample.name: self.objects[sample.name] for sample in samples}
        return replace(self, samples=(), objects=objects)
