"""Add images to a finished dataset: which are new, and which labels they get."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import xxhash

from pcr.conversion.options import ConversionOptions
from pcr.dataset.messages import DatasetInfo, RecordIndex
from pcr.dataset.reader import Dataset
from pcr.errors import DatasetError
from pcr.imagefolder import ImageFolder, Sample


@dataclass(frozen=True)
class Base:
    """The dataset that is added to.

    Its classes keep their labels; new classes get the next ones, sorted by name. So the classes in
    an index need not be sorted: a class's label is its position there.
    """

    root: Path
    info: DatasetInfo
    records: tuple[RecordIndex, ...]
    names: frozenset[str]

    @classmethod
    def open(cls, root: Path) -> Base:
        """Read a dataset's index and the names of its images; raises what Dataset raises."""
        dataset = Dataset(root)
        entries = tuple(record.entry for record in dataset.records)
        images = (image for record in dataset.records for image in record.info().images)
        return cls(root, dataset.info, entries, frozenset(image.name for image in images))

    def new_images(self, folder: ImageFolder) -> ImageFolder:
        """The images of ``folder`` whose names the dataset does not have, with its labels."""
        known = self.info.classes
        classes = (*known, *sorted(set(folder.classes) - set(known)))
        label_of = {name: label for label, name in enumerate(classes)}
        samples = tuple(
            Sample(sample.name, label_of[folder.classes[sample.label]])
            for sample in folder.samples
            if sample.name not in self.names
        )
        return ImageFolder(folder.root, classes, samples)

    def check(self, options: ConversionOptions) -> None:
        """Raise DatasetError where the options would make records of another kind."""
        for name, found, expected in (
            ("ladder", options.ladder.text, self.info.ladder_text),
            ("copy_markers", options.copy_markers, self.info.copied_markers),
        ):
            if found != expected:
                raise DatasetError(
                    f"{self.root}: expected the `{name}` that the dataset was made with, found "
                    f"another: append without `{name}`"
                )

    def digest(self) -> bytes:
        """Tells one state of a dataset from another."""
        return xxhash.xxh3_64(self.info.sealed(self.records).encode()).digest()
