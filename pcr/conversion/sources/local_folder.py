"""LocalFolder: an ImageFolder on a file system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pcr.imagefolder import ImageFolder, Sample
from pcr.regular_file import read_regular


@dataclass(frozen=True)
class LocalFolder(ImageFolder):
    """An ImageFolder, read by its paths; the version of an image is its time (ns)."""

    columns = ()
    concurrent_reads = 1

    @property
    def location(self) -> str:
        """The path, as it was given."""
        return str(self.root)

    def where(self, sample: Sample) -> str:
        """The path of one image."""
        return str(self.path(sample))

    def size_and_version(self, sample: Sample) -> tuple[int, int]:
        """Bytes and modification time (ns) of one image; OSError where it is missing."""
        found = self.path(sample).stat()
        return found.st_size, found.st_mtime_ns

    def read(self, sample: Sample, most_bytes: int) -> bytes:
        """The bytes of one image; OSError or FormatError where it is bad."""
        return read_regular(self.path(sample), most_bytes)

    def values(self, sample: Sample) -> tuple[()]:
        """A folder knows nothing else of its images."""
        return ()

    def rewritable(self, sample: Sample) -> Path:
        """The path of one image."""
        return self.path(sample)

    def relabelled(self, classes: Sequence[str], samples: Sequence[Sample]) -> LocalFolder:
        """Some of the images, with other labels."""
        return replace(self, classes=tuple(classes), samples=tuple(samples))

    def sendable(self, samples: Sequence[Sample]) -> LocalFolder:
        """The same with an absolute path, without the list of images."""
        return replace(self, root=self.root.absolute(), samples=())
