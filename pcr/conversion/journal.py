"""What a conversion has done so far: the plan file beside the records.

Its first line is the plan's identity; then comes one line per record that is safe on disk. A
conversion that was stopped resumes after the last complete line. Each shard has a plan file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from sqlite3 import sqlite_version  # written into every record
from typing import Any

from PIL import __version__ as pillow_version  # re-encodes bad images

from pcr import __version__
from pcr.conversion.encode import Problem
from pcr.conversion.plan import Plan, Shard
from pcr.dataset import layout
from pcr.dataset.column_index import ColumnEntry
from pcr.dataset.column_types import ColumnType
from pcr.dataset.columns import Column, schema
from pcr.dataset.messages import RecordIndex
from pcr.errors import DatasetError, FormatError
from pcr.storage.location import join
from pcr.storage.store import Store

# May change when a conversion resumes that failed at its first bad image.
_BAD_IMAGE_OPTIONS = ("on_bad_image", "quality")
_HEADER_FIELDS = {
    "fingerprint": str,
    "base_records": int,
    "images": int,
    "options": dict,
    "record_starts": list,
}


@dataclass(frozen=True)
class FinishedRecord:
    """A record that is safe on disk; ``source_bytes`` is the sum over its images."""

    index: RecordIndex
    source_bytes: int
    problems: tuple[Problem, ...]
    columns: tuple[ColumnEntry, ...] = ()


class Journal:
    """The plan file of a conversion, or of one shard of it, that is not finished."""

    def __init__(self, output: Store, shard: tuple[int, int] | None = None) -> None:
        self.name = layout.shard_plan_file(*shard) if shard else layout.PLAN_FILE
        self.output, self.shard = output, shard

    @classmethod
    def of(cls, plan: Plan, output: Store) -> Journal:
        """The journal of a plan's records, all of them or those of a shard."""
        shard = plan.shard
        return cls(output, (shard.index, shard.count) if shard else None)

    def exists(self) -> bool:
        """Whether there is a conversion, or a shard, that is not finished."""
        return self.output.size(self.name) is not None

    def begin(self, plan: Plan, finished: Sequence[FinishedRecord] = ()) -> None:
        """Write the plan's identity; from now on the place holds an unfinished conversion."""
        lines = [plan_header(plan), *map(asdict, finished)]
        self.output.write(self.name, "".join(map(_line, lines)).encode("ascii"))

    def add(self, record: FinishedRecord) -> None:
        """Note a record that is safe on disk, or in the store."""
        self.output.append(self.name, _line(asdict(record)).encode("ascii"))

    def finish(self) -> None:
        """Forget a conversion whose index is safe on disk."""
        self.output.delete(self.name)

    def resume(self, plan: Plan) -> tuple[Plan, list[FinishedRecord]]:
        """The plan to resume and the records that are finished.

        Raises DatasetError where the journal is of another folder or of other options, or its
        records are gone.
        """
        header, finished = self.read()
        self._check_same(header, plan_header(plan))
        plan = plan.resumed(header["record_starts"])
        for number, record in enumerate(finished, start=plan.first_record):
            name = layout.record_file(number)
            if self.output.size(name) != record.index.file_bytes:
                raise DatasetError(
                    f"{join(self.output.location, name)}: expected the record of "
                    f"{record.index.file_bytes} bytes that the interrupted conversion wrote: "
                    f"{self._how_to_drop()}"
                )
        self.begin(plan, finished)  # without a torn line, with the options of this run
        return plan, finished

    def completed(self, records: Sequence[RecordIndex]) -> bool:
        """Whether an index of these records is what this conversion was to write."""
        header, finished = self.read()
        base, added = header["base_records"], [record.index for record in finished]
        return base < len(records) and list(records[base:]) == added

    def _how_to_drop(self) -> str:
        """An index beside the journal is that of the dataset that is appended to."""
        if self.shard is not None:
            return "delete it and convert the shard again"
        if self.output.size(layout.INDEX_FILE) is not None:
            return (
                "use `append` and `restart` to drop the unfinished `append` and begin it again; "
                "the finished dataset stays"
            )
        return "use `restart` to drop it and start over"

    def _check_same(self, found: dict[str, Any], expected: dict[str, Any]) -> None:
        if found["base_records"] != expected["base_records"]:
            began = "with" if found["base_records"] else "without"
            raise DatasetError(
                f"{self.output.location}: holds an unfinished conversion that began {began} `append`: "
                f"resume it {began} `append`, or {self._how_to_drop()}"
            )
        what = changed_option(found, expected)
        if what is not None:
            raise DatasetError(
                f"{self.output.location}: holds an unfinished conversion that began with {what}: "
                f"resume it with the same, or {self._how_to_drop()}"
            )
        if found["fingerprint"] != expected["fingerprint"]:
            raise DatasetError(
                f"{self.output.location}: holds an unfinished conversion of {found['images']} images, "
                f"whose names, sizes or times have changed since (now {expected['images']} "
                f"images): {self._how_to_drop()}"
            )

    def read(self) -> tuple[dict[str, Any], list[FinishedRecord]]:
        """The identity and all complete lines; a last one torn by a crash does not count.

        Raises FormatError where the file is damaged.
        """
        lines = self.output.read(self.name).split(b"\n")[:-1]
        try:
            if not lines:
                raise ValueError("without a complete line")
            header, *entries = [json.loads(line) for line in lines]
            _check_header(header)
            if len(entries) > len(header["record_starts"]):
                raise ValueError(f"{len(entries)} of {len(header['record_starts'])} records")
            return header, [_finished_record(entry) for entry in entries]
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"{join(self.output.location, self.name)}: expected the plan of an interrupted "
                f"conversion, found it damaged ({error}): {self._how_to_drop()}"
            ) from None


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry) + "\n"


def _check_header(header: dict[str, Any]) -> None:
    """Raise ValueError, KeyError or TypeError where this is not a `plan_header`."""
    if header["format_version"] != layout.FORMAT_VERSION:
        raise ValueError(f"version {header['format_version']}")
    for field, kind in _HEADER_FIELDS.items():
        if not isinstance(header[field], kind):
            raise TypeError(f"{field} {header[field]!r}")
    starts = [*header["record_starts"], header["images"]]  # a shard may have neither
    if starts[0] != 0 or any(start >= stop for start, stop in pairwise(starts)):
        raise ValueError("record_starts out of order")
    if "shard" in header:
        Shard(**header["shard"])
    columns_of(header)


def changed_option(found: dict[str, Any], expected: dict[str, Any]) -> str | None:
    """The columns or the option that differ between two headers, in words; None where none do.

    Those for bad images may change where one of them still fails at the first one.
    """
    before, now = columns_of(found), columns_of(expected)
    if before != now:
        return f"the columns {schema(before)}, not {schema(now)}"
    for option, value in expected["options"].items():
        before = found["options"].get(option)
        may_change = option in _BAD_IMAGE_OPTIONS and found["options"].get("on_bad_image") == "fail"
        if before != value and not may_change:
            if option == "ladder":
                return "another `ladder`"
            return f"`{option}={before!r}`, not `{option}={value!r}`"
    return None


def plan_header(plan: Plan) -> dict[str, Any]:
    """The identity of a plan, ready for JSON; a shard's says all that merging asks."""
    header = {
        "format_version": layout.FORMAT_VERSION,
        "fingerprint": plan.fingerprint,
        "base_records": plan.base_records,
        "images": len(plan.samples),
        "options": plan.options.identity(),
        "record_starts": list(plan.record_starts),
    }
    if plan.columns:
        header["columns"] = [[c.name, str(c.type), c.beside, c.version] for c in plan.columns]
    if plan.shard is None:
        return header
    return {
        **header,
        "shard": asdict(plan.shard),
        "versions": f"pcr {__version__}, SQLite {sqlite_version}, Pillow {pillow_version}",
        "source": plan.source.location,
        "classes": plan.source.classes,
    }


def columns_of(header: Mapping[str, Any]) -> list[Column]:
    """The columns of a plan, from its header."""
    return [
        Column(name, ColumnType.parse(type), beside, version)
        for name, type, beside, version in header.get("columns", ())
    ]


def _finished_record(entry: dict[str, Any]) -> FinishedRecord:
    index: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry["index"].items()
    }
    return FinishedRecord(
        RecordIndex(**index),
        entry["source_bytes"],
        tuple(Problem(**problem) for problem in entry["problems"]),
        tuple(ColumnEntry(**column) for column in entry.get("columns", ())),
    )
