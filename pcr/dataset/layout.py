"""The layout on disk: the names of files, tables and keys, the limits, and which names are allowed.

docs/reference/format.md is the specification for users. File, table and key names live here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pcr.atomic import TEMPORARY_SUFFIX
from pcr.errors import FormatError
from pcr.storage.store import Store

FORMAT_VERSION = 1
DATABASE_SUFFIX = ".db"
APPLICATION_ID = 0x50435231  # "PCR1", PRAGMA application_id of every file

INDEX_FILE = "PCR.db"
PLAN_FILE = "PCR_plan.jsonl"
SHARDS_LOCK_FILE = "PCR_shards.lock"
COPY_FILE = "PCR_copy.json"
REPORT_FILE = "PCR_report.csv"
QUALITY_FILE = "PCR_mssim.csv"
TIMINGS_FILE = "PCR_timings.json"
_NAMED_FILES = (
    INDEX_FILE,
    PLAN_FILE,
    SHARDS_LOCK_FILE,
    COPY_FILE,
    REPORT_FILE,
    QUALITY_FILE,
    TIMINGS_FILE,
)
DATASET_TABLE = "dataset"
DATASET_KEY = "metadata"
RECORDS_TABLE = "records"
COLUMNS_TABLE = "columns"
METADATA_TABLE = "metadata"
VALUE_COLUMN = "value"
INDEX_COLUMNS = "key TEXT PRIMARY KEY, value BLOB"  # as sqlitedict lays its tables out

MAX_RECORD_BYTES = 2**31
MAX_GROUP_BYTES = 10**9  # SQLite's default SQLITE_MAX_LENGTH
MAX_CLASSES = 2**24
MAX_RECORD_IMAGES = 2**20
MAX_RECORDS = 2**24
MAX_COLUMNS = 1000
MAX_RESTART_ROWS = 65535  # between restart markers: more than an image has
MAX_VALUE_BYTES_WITHIN = 4096  # of a column that lies within the records, unless told otherwise
MAX_INDEX_BYTES = 2**33  # twice what so many records of ten levels take

# What the schema takes of the first page: https://sqlite.org/fileformat2.html#b_tree_pages
_PAGE_BYTES = (4096, 16384, 65536)
_FIRST_PAGE_HEADERS = 108
_SCHEMA_ROW_BYTES = 59  # of a table, and three times its name

_NUMBER = r"(0|[1-9][0-9]{0,7})"
_RECORD_FILE = re.compile(rf"PCR_{_NUMBER}\.db")
_COLUMN_FILE = re.compile(rf"PCR_{_NUMBER}\.([A-Za-z_][A-Za-z0-9_]{{0,62}})(\.[1-9][0-9]*)?\.db")
_TFRECORD_FILE = re.compile(rf"PCR_{_NUMBER}\.tfrecord(\.idx)?")
_SHARD_PLAN_FILE = re.compile(rf"PCR_plan_{_NUMBER}_of_{_NUMBER}\.jsonl")
SQLITE_HEADER_BYTES = 100


def record_file(number: int) -> str:
    """The file name of record ``number``."""
    return f"PCR_{number}.db"


def column_file(number: int, column: str, version: int) -> str:
    """The file name of a column beside record ``number``; each replacement has another one."""
    return f"PCR_{number}.{column}.{version}.db" if version else f"PCR_{number}.{column}.db"


def tfrecord_file(number: int) -> str:
    """The file name of record ``number`` as a TFRecord file, written for comparison."""
    return f"PCR_{number}.tfrecord"


def shard_plan_file(index: int, count: int) -> str:
    """The file name of the plan and journal of shard ``index`` of ``count``."""
    return f"PCR_plan_{index}_of_{count}.jsonl"


def shard_of_plan(name: str) -> tuple[int, int] | None:
    """Which shard, of how many, a file of that name is the journal of; None for any other file."""
    found = _SHARD_PLAN_FILE.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


def shard_plans(store: Store) -> dict[tuple[int, int], str]:
    """The journals of shards that are not merged yet, by shard and their number."""
    found = ((shard_of_plan(name), name) for name, _ in store.names("PCR"))
    return dict(sorted((shard, name) for shard, name in found if shard is not None))


def record_number(name: str) -> int | None:
    """The number of the record in a file of that name; None for any other file."""
    found = _RECORD_FILE.fullmatch(name)
    return int(found[1]) if found else None


def file_number(name: str) -> int | None:
    """The number of the record that a file of that name belongs to: itself, a column, a TFRecord."""
    kinds = (_RECORD_FILE, _COLUMN_FILE, _TFRECORD_FILE)
    found = next(filter(None, (kind.fullmatch(name) for kind in kinds)), None)
    return int(found[1]) if found else None


def column_in(name: str) -> str | None:
    """The name of the column beside a record in a file of that name; None for any other file."""
    found = _COLUMN_FILE.fullmatch(name)
    return found[2] if found else None


def kind(name: str) -> str:
    """What a file of that name holds, in words: a column beside a record, or else a record."""
    return "a record" if column_in(name) is None else "a column"


def is_dataset_file(name: str) -> bool:
    """Whether a conversion owns files of that name."""
    name = name.removesuffix(TEMPORARY_SUFFIX)
    return name in _NAMED_FILES or file_number(name) is not None or shard_of_plan(name) is not None


def dataset_files(store: Store) -> dict[str, int]:
    """The files in a place that a conversion owns, the index first, and their sizes in bytes."""
    found = [(name, size) for name, size in store.names("PCR") if is_dataset_file(name)]
    return dict(sorted(found, key=lambda file: (file[0] != INDEX_FILE, file[0])))


def scan_group_table(level: int) -> str:
    """The table of one level's ScanGroup."""
    return f"scan_group_{level}"


def column_table(name: str) -> str:
    """The table of a column's values."""
    return f"column_{name}"


def message_table(level: int) -> str:
    """The table of one level's message, 0 for the metadata."""
    return scan_group_table(level) if level else METADATA_TABLE


def page_bytes(content_bytes: int, tables: Iterable[str]) -> int:
    """SQLite's page size for a file: small pages where rounding to large ones would show.

    The first page has to hold the schema, or a prefix could not be read alone.
    """
    schema_bytes = _FIRST_PAGE_HEADERS + sum(_SCHEMA_ROW_BYTES + 3 * len(name) for name in tables)
    least = max(schema_bytes, 16384 if content_bytes >= 16 * 2**20 else 4096)
    return next((size for size in _PAGE_BYTES if size >= least), _PAGE_BYTES[-1])


def is_ours(store: Store, name: str, size: int) -> bool:
    """Whether a database of that size is a file of this format, of any version."""
    return application_id(store.read(name, min(size, SQLITE_HEADER_BYTES))) == APPLICATION_ID


def application_id(header: bytes) -> int | None:
    """Which program an SQLite file belongs to; None where these are not such a file's first bytes."""
    if len(header) < SQLITE_HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
        return None
    return int.from_bytes(header[68:72], "big")


def check_sqlite_header(header: bytes, source: str) -> None:
    """Raise FormatError unless these are the first 100 bytes of a file of this format.

    Offsets are those of https://sqlite.org/fileformat2.html#the_database_header.
    """
    if application_id(header) is None:
        raise FormatError(f"{source}: expected an SQLite file, found {header[:16]!r}")
    found_id = application_id(header)
    if found_id != APPLICATION_ID:
        raise FormatError(
            f"{source}: expected application_id {APPLICATION_ID:#x} at byte 68, found {found_id:#x}"
        )
    version = int.from_bytes(header[60:64], "big")
    if version != FORMAT_VERSION:
        raise FormatError(
            f"{source}: expected format version {FORMAT_VERSION} at byte 60, found {version}"
        )


def check_index_bytes(header: bytes, found_bytes: int, source: str) -> None:
    """Raise FormatError unless an index has the size that its first 100 bytes say, within limits."""
    page_bytes, pages = int.from_bytes(header[16:18], "big"), int.from_bytes(header[28:32], "big")
    expected = min(pages * (65536 if page_bytes == 1 else page_bytes), MAX_INDEX_BYTES)
    if found_bytes != expected:
        raise FormatError(f"{source}: expected {expected} bytes, found {found_bytes}")


def check_name(name: str) -> None:
    """Raise FormatError for a name that leads out of its folder: a stranger may have written it."""
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise FormatError(f"expected an image name like 'class/file', found {name!r}")


def check_class_name(name: str) -> None:
    """Raise FormatError for a name that a folder's direct sub-folder can't have."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise FormatError(f"expected a class name, found {name!r}")
