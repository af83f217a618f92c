"""Add images to a finished dataset: which are new, and which labels they get."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import xxhash

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.image_source import Source
from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.columns import Column
from pcr.dataset.messages import DatasetInfo, RecordIndex
from pcr.dataset.reader import Dataset
from pcr.dataset.record import Record
from pcr.errors import DatasetError
from pcr.imagefolder import Sample
from pcr.storage.store import Store

_RECORDS_AT_ONCE = 8


@dataclass(frozen=True)
class Base:
    """The dataset that is added to.

    Its classes keep their labels; new classes get the next ones, sorted by name. So the classes in
    an index need not be sorted: a class's label is its position there.
    """

    location: str
    info: DatasetInfo
    records: tuple[RecordIndex, ...]
    columns: tuple[ColumnIndex, ...]
    names: frozenset[str]

    @classmethod
    def open(cls, output: Store) -> Base:
        """Read a dataset's index and the names of its images; raises what Dataset raises."""
        dataset = Dataset(output)
        entries = tuple(dataset.records.entries)
        with ThreadPoolExecutor(_RECORDS_AT_ONCE) as pool:
            infos = pool.map(Record.info, dataset.records)
            names = frozenset(image.name for info in infos for image in info.images)
        columns = dataset.records.column_indexes
        return cls(dataset.location, dataset.info, entries, columns, names)

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns that it has."""
        return tuple(index.column for index in self.columns)

    def new_images(self, source: Source) -> Source:
        """The images of ``source`` whose names the dataset does not have, with its labels."""
        known = self.info.classes
        classes = (*known, *sorted(set(source.classes) - set(known)))
        label_of = {name: label for label, name in enumerate(classes)}
        samples = tuple(
            Sample(sample.name, label_of[source.classes[sample.label]])
            for sample in source.samples
            if sample.name not in self.names
        )
        return source.relabelled(classes, samples)

    def check(self, options: ConversionOptions) -> None:
        """Raise DatasetError where the options would make records of another kind."""
        for name, found, expected in (
            ("ladder", options.ladder.text, self.info.ladder_text),
            ("copy_markers", options.copy_markers, self.info.copied_markers),
            ("restart_rows", options.restart_rows, self.info.restart_rows),
        ):
            if found != expected:
                raise DatasetError(
                    f"{self.location}: expected the `{name}` that the dataset was made with, found "
                    f"another: append without `{name}`"
                )

    def digest(self) -> bytes:
        """Tells one state of a dataset from another."""
        return xxhash.xxh3_64(self.info.sealed(self.records).encode()).digest()
