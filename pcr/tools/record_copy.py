"""One record copied, and the columns beside it: as it is, or its first levels as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pcr.dataset import layout
from pcr.dataset.column_index import ColumnEntry
from pcr.dataset.messages import RecordIndex, RecordInfo
from pcr.dataset.record import Record
from pcr.dataset.writer import WrittenRecord, write_record
from pcr.errors import FormatError
from pcr.tools.file_copy import FileCopier
from pcr.tools.stored_file import StoredFile


@dataclass(frozen=True)
class RecordCopy:
    """A record that is at the destination, and the columns beside it.

    entry, columns: what the index there says of it. was_there: whether an earlier run copied it.
    file_bytes: the size of all of it. copied_bytes: how many were read from the source for it.
    """

    entry: RecordIndex
    columns: tuple[ColumnEntry, ...]
    was_there: bool
    file_bytes: int
    copied_bytes: int


class RecordCopier:
    """Copies records at one level. Safe to use from threads."""

    def __init__(self, level: int, files: FileCopier) -> None:
        """``level``: how many levels the copies have. ``files``: copies whole files."""
        self.level, self.files = level, files

    def bytes_to_copy(self, record: Record) -> int:
        """How many bytes are read from the source for a record that is not there yet."""
        beside = sum(file.file_bytes for file in StoredFile.beside(record))
        return record.prefix_bytes[self.level] + beside

    def copy(self, record: Record) -> RecordCopy:
        """Copy a record, and the columns beside it, unless they are there whole.

        Raises FormatError, StorageError or OSError.
        """
        written, copied_bytes = self._copy_record(record)
        was_there = copied_bytes < record.prefix_bytes[self.level]
        file_bytes = written.index.file_bytes
        for file in StoredFile.beside(record):
            file_bytes += file.file_bytes
            if not self.files.copy(file):
                was_there, copied_bytes = False, copied_bytes + file.file_bytes
        columns = (
            *written.columns,
            *(index.entry(record.number) for index in record.columns_beside),
        )
        return RecordCopy(written.index, columns, was_there, file_bytes, copied_bytes)

    def _copy_record(self, record: Record) -> tuple[WrittenRecord, int]:
        """What the index there is to say of the record, and the bytes that were read for it."""
        if self.level == record.levels:
            was_there = self.files.copy(StoredFile.of_record(record))
            within = tuple(index.entry(record.number) for index in record.columns_within)
            return WrittenRecord(record.entry, within), 0 if was_there else record.file_bytes
        found = self._found_levels(record)
        if found is not None:
            return found, record.prefix_bytes[0]
        return self._write_levels(record), record.prefix_bytes[self.level]

    def _write_levels(self, record: Record) -> WrittenRecord:
        file = StoredFile.of_record(record)
        tables = record.prefix(self.level).read(
            lambda connection: file.read_tables(connection, self._tables(record))
        )
        with self.files.target.placing(record.name) as path:
            written = self._write(record, tables, path)
        entry = written.index
        self.files.check_arrived(record.name, entry.file_bytes, entry.file_checksum)
        return written

    def _found_levels(self, record: Record) -> WrittenRecord | None:
        """What is to be said of the copy that is there; None where it is not whole.

        The index of the source has checksums of its messages, but for the metadata.
        """
        if record.name not in self.files.sizes:
            return None
        data = self.files.target.read(record.name)
        file, (_, *names) = StoredFile.of_record(record), self._tables(record)
        try:
            tables = file.tables_in(data, names)
        except FormatError:
            return None
        (tables[layout.METADATA_TABLE],) = record.read_groups(0)
        with TemporaryDirectory(prefix="pcr-") as folder:
            path = Path(folder, record.name)
            written = self._write(record, tables, path)
            return written if path.read_bytes() == data else None

    def _tables(self, record: Record) -> list[str]:
        """The names of the tables that are copied, the metadata's first."""
        within = [layout.column_table(index.name) for index in record.columns_within]
        levels = map(layout.scan_group_table, range(1, self.level + 1))
        return [layout.METADATA_TABLE, *within, *levels]

    def _write(self, record: Record, tables: Mapping[str, bytes], path: Path) -> WrittenRecord:
        """A record of the first levels, of the tables of the whole one."""
        metadata = tables[layout.METADATA_TABLE]
        info = RecordInfo.decode(metadata, record.location).first_levels(self.level)
        groups = [[tables[layout.scan_group_table(k)]] for k in range(1, self.level + 1)]
        names = [index.name for index in record.columns_within]
        within = {name: tables[layout.column_table(name)] for name in names}
        return write_record(path, info, groups, within)
