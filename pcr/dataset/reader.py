"""Dataset: a finished dataset, its index in memory, its records read on demand."""

from __future__ import annotations

import os
from pathlib import Path

from pcr.dataset import layout
from pcr.dataset.index import read_index
from pcr.dataset.record import Record, check_level
from pcr.dataset.release import refuse_release
from pcr.errors import DatasetError


class Dataset:
    """A finished dataset: its index in memory, its records read on demand.

    root: its directory. info: what the index says of it as a whole. records: its records, in order.
    Safe to use from threads.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Open the dataset in directory ``root``.

        Raises DatasetError where there is none or it is not finished, FormatError where its index
        is damaged.
        """
        self.root = Path(root)
        _check_finished(self.root)
        self.info, entries = read_index(self.root / layout.INDEX_FILE)
        self.records = tuple(
            Record(self.root / layout.record_file(number), number, entry, len(self.classes))
            for number, entry in enumerate(entries)
        )

    @property
    def record_sizes(self) -> tuple[int, ...]:
        """How many images each record has."""
        return tuple(record.images for record in self.records)

    @property
    def levels(self) -> int:
        """How many levels every record has."""
        return self.info.levels

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the label."""
        return self.info.classes

    def __len__(self) -> int:
        """How many images the dataset has."""
        return self.info.images

    def __repr__(self) -> str:
        return (
            f"<Dataset {str(self.root)!r}: {len(self)} images of {len(self.classes)} classes in "
            f"{len(self.records)} records, {self.levels} levels, ladder {self.info.ladder_name!r}>"
        )

    def check_level(self, n_scans: int | None) -> int:
        """``n_scans``, or all levels for None; UsageError where the dataset has no such level."""
        return check_level(n_scans, self.levels, "n_scans")


def _check_finished(root: Path) -> None:
    if not root.is_dir():
        raise DatasetError(f"{root}: expected the directory of a PCR dataset, found none")
    refuse_release(root, "convert the source images again, with pcr convert")
    if (root / layout.INDEX_FILE).is_file():
        return
    if (root / layout.PLAN_FILE).exists():
        raise DatasetError(
            f"{root}: expected a finished PCR dataset, found a conversion that was interrupted: "
            "run the same conversion again, without `force` or `restart`, and it resumes where it "
            "stopped"
        )
    raise DatasetError(f"{root}: expected a PCR dataset, found no {layout.INDEX_FILE}")
