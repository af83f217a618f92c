"""Prove that a dataset is whole: every byte, count, label, name and JPEG of it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pcr import jpeg
from pcr.arguments import check_at_least
from pcr.cores import usable_cores
from pcr.dataset import layout
from pcr.dataset.layout import check_class_name, check_name, dataset_files
from pcr.dataset.messages import ImageInfo, RecordIndex, RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.record import Record, join_groups
from pcr.dataset.tables import closing, connect, gate, read_chunks
from pcr.dataset.writer import file_checksum, write_index
from pcr.errors import DatasetError, FormatError, describe
from pcr.extension import native
from pcr.ladder import Ladder
from pcr.regular_file import read_regular

_SQLITE_VERSION = slice(96, 100)  # of the library that wrote a file, in its header


@dataclass(frozen=True)
class Verdict:
    """What was found in one file; ``failure`` is None where all is well."""

    file: str
    failure: str | None


def verify(
    root: str | os.PathLike[str], *, decode: bool = False, num_workers: int | None = None
) -> Iterator[Verdict]:
    """Verify a dataset, file by file, while the verdicts are iterated over.

    root: directory of the dataset.
    decode: decode every image at full fidelity too; default False.
    num_workers: threads to use; default: all cores that this process may use.

    First comes the index, then, if it can be relied on, every record in order, then record files
    that the index does not know. Raises DatasetError where there is no finished dataset, and where
    the folder for temporary files (TMPDIR) has no room for a copy of the largest file.
    """
    root = Path(root)
    workers = usable_cores() if num_workers is None else num_workers
    check_at_least(1, num_workers=workers)
    try:
        dataset = Dataset(root)
    except FormatError as error:
        yield Verdict(layout.INDEX_FILE, _reason(error, root / layout.INDEX_FILE))
        return
    verdict = _verdict(root / layout.INDEX_FILE, partial(_check_index, dataset))
    yield verdict
    if verdict.failure is not None:
        return
    ladder = dataset.info.ladder
    with ThreadPoolExecutor(workers) as pool:
        for record in dataset.records:
            check = partial(_check_record, dataset, record, ladder, pool, decode)
            yield _verdict(record.path, check)
    if not (root / layout.PLAN_FILE).exists():  # records of an append that is not finished
        yield from _unknown_records(dataset)


def _verdict(path: Path, check: Callable[[], None]) -> Verdict:
    try:
        check()
    except (FormatError, OSError, sqlite3.Error, UnicodeDecodeError) as error:
        return Verdict(path.name, _reason(error, path))
    return Verdict(path.name, None)


def _reason(error: Exception, path: Path) -> str:
    return describe(error).removeprefix(f"{path}: ")


def _unknown_records(dataset: Dataset) -> Iterator[Verdict]:
    for path in dataset_files(dataset.root):
        number = layout.record_number(path.name)
        if number is not None and number >= len(dataset.records):
            yield Verdict(path.name, "the index has no such record")


def _check_index(dataset: Dataset) -> None:
    for name in dataset.classes:
        check_class_name(name)
    if len(set(dataset.classes)) != len(dataset.classes):
        raise FormatError("expected different class names, found some twice")
    if dataset.info.ladder.levels != dataset.levels:
        raise FormatError(
            f"expected the {dataset.levels} levels of its records in its ladder, "
            f"found {dataset.info.ladder.levels}"
        )
    _check_index_bytes(dataset)


def _check_index_bytes(dataset: Dataset) -> None:
    """The index is a function of its entries: the same SQLite writes the same bytes."""
    found = read_regular(dataset.root / layout.INDEX_FILE)
    with _room_for_copies(), tempfile.TemporaryDirectory() as folder:
        entries = [record.entry for record in dataset.records]
        write_index(Path(folder), dataset.info, entries)
        expected = (Path(folder) / layout.INDEX_FILE).read_bytes()
    if found[_SQLITE_VERSION] == expected[_SQLITE_VERSION] and found != expected:
        raise FormatError(f"{len(found)} bytes that are not those of its entries alone")


def _check_record(
    dataset: Dataset, record: Record, ladder: Ladder, pool: ThreadPoolExecutor, decode: bool
) -> None:
    path, index = record.path, record.entry
    metadata, *groups = record.read_groups()
    found = file_checksum(path)
    if found != index.file_checksum:
        raise FormatError(f"expected checksum {index.file_checksum:016x}, found {found:016x}")
    _check_layout(path, index, [metadata, *groups])
    info = RecordInfo.decode(metadata, str(path))
    _check_info(info, dataset, index)
    images = join_groups(metadata, groups)
    check = partial(_check_image, ladder=ladder, decode=decode)
    for _ in pool.map(check, info.images, map(images.__getitem__, range(len(images)))):
        pass


def _check_info(info: RecordInfo, dataset: Dataset, index: RecordIndex) -> None:
    """Counts, labels and names."""
    if info.levels != dataset.levels or len(info.images) != index.images:
        raise FormatError(
            f"expected {index.images} images of {dataset.levels} levels, "
            f"found {len(info.images)} of {info.levels}"
        )
    for image, label in zip(info.images, info.labels.tolist(), strict=True):
        check_name(image.name)
        class_name = image.name.split("/")[0]
        if not 0 <= label < len(dataset.classes) or dataset.classes[label] != class_name:
            raise FormatError(f"image {image.name!r}: expected its class's label, found {label}")


def _check_layout(path: Path, index: RecordIndex, contents: Sequence[bytes]) -> None:
    """Only the format's tables, in order, without unused pages, each complete in its prefix."""
    data = read_regular(path)
    layout.check_sqlite_header(data[:100], str(path))
    names = [layout.METADATA_TABLE, *map(layout.scan_group_table, range(1, len(contents)))]
    with closing(connect(path)) as connection, gate:
        found = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")]
        (free_pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    if found != names:
        raise FormatError(f"expected the tables {', '.join(names)}, found {', '.join(found)}")
    if free_pages or index.prefix_bytes[-1] != index.file_bytes:
        unused = free_pages or index.file_bytes - index.prefix_bytes[-1]
        raise FormatError(f"expected no unused pages or bytes, found {unused}")
    _check_prefixes(data, index, dict(zip(names, contents, strict=True)))


def _check_prefixes(data: bytes, index: RecordIndex, contents: Mapping[str, bytes]) -> None:
    """Every level reads from its prefix alone: grow a file of zeros into the record, and read."""
    with _room_for_copies(), tempfile.NamedTemporaryFile() as file:
        file.truncate(len(data))
        start = 0
        for level, (end, table) in enumerate(zip(index.prefix_bytes, contents, strict=True)):
            file.write(data[start:end])
            file.flush()
            start = end
            if not _is_there(Path(file.name), table, contents[table]):
                raise FormatError(f"level {level} is not complete in the first {end} bytes")


@contextmanager
def _room_for_copies() -> Iterator[None]:
    """A file is not damaged where there is no room to check it in."""
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"{_temporary_folder()}: {error.strerror}: to verify a dataset, this folder needs room "
            "for its largest file; set TMPDIR to another one"
        ) from None


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # there is none that can be written to
        return os.environ.get("TMPDIR", "TMPDIR")


def _is_there(path: Path, table: str, content: bytes) -> bool:
    """Whether the table can be read, and holds this."""
    try:
        with closing(connect(path)) as connection:
            return b"".join(read_chunks(connection, table, len(content), None)) == content
    except FormatError:
        return False


def _check_image(
    info: ImageInfo, data: np.ndarray[tuple[int], np.dtype[np.uint8]], ladder: Ladder, decode: bool
) -> None:
    try:
        header = jpeg.header(data)
        found = (header.width, header.height, header.components)
        expected = (info.width, info.height, info.components)
        if found != expected:
            raise FormatError(f"expected width, height, components {expected}, found {found}")
        offsets = ladder.level_offsets(header.components, jpeg.split(data))
        if tuple(np.diff(offsets).tolist()) != info.level_bytes:
            raise FormatError("the levels do not begin where its scans do")
        if decode:
            native.decode_rgb(data)
    except FormatError as error:
        raise FormatError(f"image {info.name!r}: {error}") from None
