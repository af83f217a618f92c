"""Prove that a dataset is whole: every byte, count, label, name and JPEG of it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pcr import jpeg
from pcr.arguments import check_at_least
from pcr.cores import usable_cores
from pcr.dataset import layout
from pcr.dataset.column_index import ColumnIndex
from pcr.dataset.layout import check_class_name, check_name
from pcr.dataset.messages import ImageInfo, RecordIndex, RecordInfo
from pcr.dataset.reader import Dataset
from pcr.dataset.record import join_groups
from pcr.dataset.tables import closing, connect, connect_image, gate, read_chunks
from pcr.dataset.writer import write_index
from pcr.errors import DatasetError, FormatError, describe
from pcr.extension import native
from pcr.ladder import Ladder
from pcr.storage.location import Location, join
from pcr.storage.store import Store, open_store
from pcr.tools.stored_file import StoredFile
from pcr.tools.whole_files import WholeFile, read_ahead

_SQLITE_VERSION = slice(96, 100)  # of the library that wrote a file, in its header


@dataclass(frozen=True)
class Verdict:
    """What was found in one file; ``failure`` is None where all is well."""

    file: str
    failure: str | None


def verify(
    root: Location | Store | Dataset, *, decode: bool = False, num_workers: int | None = None
) -> Iterator[Verdict]:
    """Verify a dataset, file by file, while the verdicts are iterated over.

    root: path or URL of the dataset, or its store, or the dataset itself.
    decode: decode every image at full fidelity too; default False.
    num_workers: threads that check; default: all cores that this process may use.

    First comes the index, then, if it can be relied on, every record in order, each followed by the
    columns beside it, then record files that the index does not know (but not from ``http(s)://``,
    which cannot list). Each file is read once, up to 8 of them ahead, of 256 MiB together. Raises
    DatasetError where there is no finished dataset, and where the folder for temporary files
    (TMPDIR) has no room for a copy of the largest file, StorageError where a store fails.
    """
    workers = usable_cores() if num_workers is None else num_workers
    check_at_least(1, num_workers=workers)
    if isinstance(root, Dataset):
        dataset = root
    else:
        store = open_store(root) if isinstance(root, str | os.PathLike) else root
        try:
            dataset = Dataset(store)
        except FormatError as error:
            index = join(store.location, layout.INDEX_FILE)
            yield Verdict(layout.INDEX_FILE, _reason(error, index))
            return
    verdict = _verdict(dataset, layout.INDEX_FILE, partial(_check_index, dataset))
    yield verdict
    if verdict.failure is not None:
        return
    ladder = dataset.info.ladder
    with (
        ThreadPoolExecutor(workers, thread_name_prefix="pcr-verify") as pool,
        contextlib.closing(read_ahead(_files(dataset))) as files,
    ):
        for file, reading in files:
            if file.column is None:
                check = partial(_check_record, dataset, reading, ladder, pool, decode)
            else:
                check = partial(_check_column, file.column, reading)
            yield _verdict(dataset, file.name, check)
    yield from _unknown_records(dataset)


def _files(dataset: Dataset) -> Iterator[StoredFile]:
    for record in dataset.records:
        yield StoredFile.of_record(record)
        yield from StoredFile.beside(record)


def _verdict(dataset: Dataset, name: str, check: Callable[[], None]) -> Verdict:
    try:
        check()
    except (FormatError, OSError, sqlite3.Error, UnicodeDecodeError) as error:
        return Verdict(name, _reason(error, join(dataset.location, name)))
    return Verdict(name, None)


def _reason(error: Exception, file: str) -> str:
    return describe(error).removeprefix(f"{file}: ")


def _unknown_records(dataset: Dataset) -> Iterator[Verdict]:
    store = dataset.store
    if not store.can_list or store.size(layout.PLAN_FILE) is not None:
        return  # with a plan, records may be of an append that is not finished
    for name, _ in store.names("PCR_"):
        number = layout.record_number(name)
        if number is not None and number >= len(dataset.records):
            yield Verdict(name, "the index has no such record")


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
    with _room_for_copies(), tempfile.TemporaryDirectory() as folder:
        records = dataset.records
        write_index(Path(folder), dataset.info, records.entries, records.column_indexes)
        expected = (Path(folder) / layout.INDEX_FILE).read_bytes()
    for _ in range(2):  # the network may have damaged what is whole where it lies
        found = dataset.store.read(layout.INDEX_FILE)
        if found == expected or found[_SQLITE_VERSION] != expected[_SQLITE_VERSION]:
            return
    raise FormatError(f"{len(found)} bytes that are not those of its entries alone")


def _check_record(
    dataset: Dataset,
    reading: Future[WholeFile],
    ladder: Ladder,
    pool: ThreadPoolExecutor,
    decode: bool,
) -> None:
    whole = reading.result()
    record = whole.file.record
    metadata = whole.tables[layout.METADATA_TABLE]
    groups = [whole.tables[layout.scan_group_table(k)] for k in range(1, record.levels + 1)]
    _check_layout(whole)
    info = RecordInfo.decode(metadata, record.location)
    _check_info(info, dataset, record.entry)
    for column in record.columns_within:
        _check_values(column, whole)
    images = join_groups(metadata, groups)
    check = partial(_check_image, ladder=ladder, decode=decode)
    for _ in pool.map(check, info.images, map(images.__getitem__, range(len(images)))):
        pass


def _check_column(column: ColumnIndex, reading: Future[WholeFile]) -> None:
    whole = reading.result()
    _check_layout(whole)
    _check_values(column, whole)


def _check_values(column: ColumnIndex, whole: WholeFile) -> None:
    values = whole.tables[layout.column_table(column.name)]
    column.column.type.decode(values, whole.file.record.images, f"column {column.name}")


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


def _check_layout(whole: WholeFile) -> None:
    """Only the format's tables, in order, without unused pages, each complete in its prefix."""
    data, source = whole.data, whole.file.location
    layout.check_sqlite_header(data[:100], source)
    names = list(whole.tables)
    with closing(connect_image(data, source)) as connection, gate:
        found = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")]
        (free_pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    if found != names:
        raise FormatError(f"expected the tables {', '.join(names)}, found {', '.join(found)}")
    unused = free_pages or len(data) - whole.file.tables[-1].prefix_bytes
    if unused:
        raise FormatError(f"expected no unused pages or bytes, found {unused}")
    _check_prefixes(whole)


def _check_prefixes(whole: WholeFile) -> None:
    """Every table reads from its prefix alone: grow a file of zeros into the whole one, and read."""
    with _room_for_copies(), tempfile.NamedTemporaryFile() as file:
        file.truncate(len(whole.data))
        start = 0
        for table in whole.file.tables:
            end = table.prefix_bytes
            file.write(whole.data[start:end])
            file.flush()
            start = end
            if not _is_there(Path(file.name), table.name, whole.tables[table.name]):
                raise FormatError(f"table {table.name} is not complete in the first {end} bytes")


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
