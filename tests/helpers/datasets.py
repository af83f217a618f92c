"""Damage to datasets, what verifying them finds, and datasets of another kind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pcr.dataset.messages import RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.writer import write_index, write_record
from pcr.tools.verification import verify


def failures(root: Path) -> dict[str, str]:
    return {verdict.file: verdict.failure for verdict in verify(root) if verdict.failure}


def flip(path: Path, bit: int) -> bytes:
    """Flip one bit; the bytes from before."""
    data = path.read_bytes()
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)
    return data


def rewrite(root: Path, record: int, **changes: object) -> None:
    """Write a record again with other metadata, its checksums right, as a faulty writer might."""
    dataset = Dataset(root)
    metadata, *groups = dataset.records[record].read_groups()
    info = replace(RecordInfo.decode(metadata, "test"), **changes)  # type: ignore[arg-type]
    entries = [other.entry for other in dataset.records]
    entries[record] = write_record(
        dataset.records[record].path, info, [[group] for group in groups]
    ).index
    write_index(root, dataset.info, entries)


def make_release_dataset(root: Path) -> None:
    """The files that the paper's released converter writes, with the beginnings of their contents."""
    with closing(sqlite3.connect(root / "PCR.db")) as index, index:
        index.execute('CREATE TABLE "unnamed" (key TEXT PRIMARY KEY, value BLOB)')
        index.execute("INSERT INTO unnamed VALUES ('m_dataset_size', ?)", (b"\x80\x04K\x03.",))
    (root / "PCR_0.pcr").write_bytes(bytes.fromhex("0801080010 0a0a04ffd8ffc0".replace(" ", "")))
