"""What a conversion is going to do, and the journal of what it has done.

The plan is a function of the source folder and the options, so the same command makes the same plan again.
The journal beside the records holds the plan's identity in its first line and one line per record that
is safe on disk; a conversion that was stopped goes on behind the last whole line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xxhash

from pcr import format as layout
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.format import RecordIndex
from pcr.imagefolder import ImageFolder, Sample
from pcr.jpeg import CopyMarkers
from pcr.ladder import Ladder

# A record closes early where its sources reach this size, which bounds memory for large photographs.
MAX_RECORD_SOURCE_BYTES = 512 * 2**20

OnBadImage = Literal["fail", "skip", "reencode"]


@dataclass(frozen=True)
class ConversionOptions:
    """Everything that decides which bytes a conversion writes."""

    ladder: Ladder
    batch_size: int = 1024
    seed: int = 0
    shuffle: bool = True
    copy_markers: CopyMarkers = "none"
    max_pixels: int = layout.MAX_PIXELS
    on_bad_image: OnBadImage = "fail"
    quality: int = 95
    static_compression: int | None = None
    duplicate_factor: int = 1
    convert_images: bool = False

    def __post_init__(self) -> None:
        for flag, value, least, most in (
            ("--batch_size", self.batch_size, 1, 2**20),
            ("--seed", self.seed, 0, 2**63 - 1),
            ("--quality", self.quality, 1, 100),
            ("--static_compression", self.static_compression or 1, 1, 100),
            ("--duplicate_dataset_factor", self.duplicate_factor, 1, 1000),
        ):
            if not least <= value <= most:
                raise UsageError(f"{flag}: expected {least} to {most}, found {value}")

    def identity(self) -> dict[str, Any]:
        """The options as a later run must give them again to go on with this conversion."""
        return {**asdict(replace(self, ladder=self.ladder)), "ladder": self.ladder.text}


@dataclass(frozen=True)
class Plan:
    """Which images go into which record, in order."""

    folder: ImageFolder
    options: ConversionOptions
    samples: tuple[Sample, ...]
    source_bytes: tuple[int, ...]
    record_starts: tuple[int, ...]
    fingerprint: str

    @classmethod
    def make(cls, folder: ImageFolder, options: ConversionOptions) -> Plan:
        """Shuffle the folder's images and cut them into records; DatasetError where a file is missing."""
        stats = [_stat(folder.path(sample)) for sample in folder.samples]
        order = np.arange(len(stats)).repeat(options.duplicate_factor)
        if options.shuffle:
            order = np.random.Generator(np.random.PCG64(options.seed)).permutation(order)
        positions = order.tolist()
        source_bytes = tuple(stats[i].st_size for i in positions)
        return cls(
            folder,
            options,
            tuple(folder.samples[i] for i in positions),
            source_bytes,
            tuple(_record_starts(source_bytes, options.batch_size)),
            _fingerprint(folder, stats, options.convert_images),
        )

    @property
    def records(self) -> int:
        """How many records the dataset is going to have."""
        return len(self.record_starts)

    def record_range(self, record: int) -> range:
        """Positions in ``samples`` of one record's images."""
        starts = (*self.record_starts, len(self.samples))
        return range(starts[record], starts[record + 1])

    def with_record_starts(self, record_starts: Sequence[int]) -> Plan:
        """The same plan with the records of an earlier run, whose sources had other sizes."""
        return replace(self, record_starts=tuple(record_starts))


@dataclass(frozen=True)
class Problem:
    """An image that did not go into the dataset as it was."""

    name: str
    action: Literal["skipped", "re-encoded"]
    reason: str


@dataclass(frozen=True)
class FinishedRecord:
    """A record that is safe on disk."""

    index: RecordIndex
    problems: tuple[Problem, ...]


class Journal:
    """The plan file of a conversion that is not finished."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / layout.PLAN_FILE
        self.directory = directory

    def begin(self, plan: Plan) -> None:
        """Write the plan's identity; from now on the directory holds an unfinished conversion."""
        self._append(_header(plan), mode="x")

    def add(self, record: FinishedRecord) -> None:
        """Note a record that is safe on disk."""
        self._append(asdict(record), mode="a")

    def resume(self, plan: Plan) -> tuple[Plan, list[FinishedRecord]]:
        """The plan to go on with and the records that are finished.

        Raises DatasetError where the journal is of another folder, of other options, or its records are gone.
        """
        header, *entries = self._lines()
        self._check_same(header, _header(plan))
        if plan.options.convert_images:
            plan = plan.with_record_starts(header["record_starts"])
        finished = [_finished_record(entry) for entry in entries]
        for number, record in enumerate(finished):
            path = self.directory / layout.record_file(number)
            if not path.is_file() or path.stat().st_size != record.index.file_bytes:
                raise DatasetError(
                    f"{path}: expected the record of {record.index.file_bytes} bytes that the interrupted "
                    "conversion wrote: use --force to begin again"
                )
        return plan, finished

    def _check_same(self, found: dict[str, Any], expected: dict[str, Any]) -> None:
        again = "give it again, or use --force to begin anew"
        for option, value in expected["options"].items():
            if found["options"].get(option) != value:
                before, now = found["options"].get(option), value
                what = "another one" if option == "ladder" else f"{before!r}, not {now!r}"
                raise DatasetError(
                    f"{self.directory}: holds a conversion that began with {option} {what}: {again}"
                )
        if found["fingerprint"] != expected["fingerprint"]:
            raise DatasetError(
                f"{self.directory}: holds a conversion of {found['images']} images whose names, sizes or times "
                f"have changed since (now {expected['images']} images): use --force to begin anew"
            )

    def _lines(self) -> list[dict[str, Any]]:
        """All whole lines; a torn last one, of a crash while it was written, does not count."""
        lines = self.path.read_bytes().split(b"\n")[:-1]
        try:
            entries = [json.loads(line) for line in lines]
        except ValueError as error:
            raise FormatError(f"{self.path}: expected a journal, found: {error}") from None
        if not entries or not isinstance(entries[0], dict) or "fingerprint" not in entries[0]:
            raise FormatError(
                f"{self.path}: expected a conversion's plan, found none: use --force to begin anew"
            )
        return entries

    def _append(self, entry: dict[str, Any], mode: str) -> None:
        if mode == "a":
            self._drop_torn_line()
        with self.path.open(mode, encoding="ascii") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _drop_torn_line(self) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            os.truncate(self.path, whole)


def _header(plan: Plan) -> dict[str, Any]:
    return {
        "format_version": layout.FORMAT_VERSION,
        "fingerprint": plan.fingerprint,
        "images": len(plan.samples),
        "options": plan.options.identity(),
        "record_starts": list(plan.record_starts),
    }


def _finished_record(entry: dict[str, Any]) -> FinishedRecord:
    index = entry["index"]
    return FinishedRecord(
        RecordIndex(**{k: tuple(v) if isinstance(v, list) else v for k, v in index.items()}),
        tuple(Problem(**problem) for problem in entry["problems"]),
    )


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise DatasetError(f"{path}: expected an image, found: {error.strerror}") from None


def _record_starts(source_bytes: Sequence[int], batch_size: int) -> list[int]:
    starts: list[int] = []
    images = size = 0
    for position, image_bytes in enumerate(source_bytes):
        full = images == batch_size or size + image_bytes > MAX_RECORD_SOURCE_BYTES
        if not starts or (full and images > 0):
            starts.append(position)
            images = size = 0
        images += 1
        size += image_bytes
    return starts


def _fingerprint(folder: ImageFolder, stats: Sequence[os.stat_result], sources_change: bool) -> str:
    """A digest of names, sizes and times; of names alone where the conversion rewrites the files."""
    digest = xxhash.xxh3_128()
    for sample, stat in zip(folder.samples, stats, strict=True):
        digest.update(os.fsencode(sample.name) + b"\0")
        if not sources_change:
            digest.update(f"{stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
