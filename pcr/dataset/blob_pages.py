"""BlobPages: where the bytes of a table's one value lie in its file, without SQLite.

A table of one row is a leaf page, which holds the beginning of the row, and overflow pages, each
with the number of the next one before its content. They follow each other, as docs/reference/format.md says,
so that an offset in the value is an offset in the file by arithmetic.
Sizes: https://sqlite.org/fileformat2.html#b_tree_pages and #ovflpgs
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from pcr.errors import FormatError

ReadRange = Callable[[int, int], bytes]
"""So many bytes of a file, from an offset on: ``read(length, start)``."""

_POINTER_BYTES = 4


@dataclass(frozen=True, slots=True)
class BlobPages:
    """One value in one file.

    first: where the value begins. first_bytes: how many of its bytes lie on the leaf page.
    overflow: where the first overflow page begins. end: where the last page ends.
    page_bytes: size of a page.
    """

    first: int
    first_bytes: int
    overflow: int
    end: int
    page_bytes: int

    @classmethod
    def of(cls, start: int, end: int, page_bytes: int, value_bytes: int) -> BlobPages:
        """Of a table whose pages lie from ``start`` to ``end`` and whose value has that size.

        Raises FormatError where these are not as many pages as it takes.
        """
        kind = _header_number_bytes(2 * value_bytes + 12)  # the serial type of a BLOB
        header_bytes = 1 + kind
        payload = header_bytes + value_bytes
        local = _local_bytes(payload, page_bytes)
        content = page_bytes - _POINTER_BYTES
        pages = 1 + -(-(payload - local) // content)
        if end - start != pages * page_bytes:
            raise FormatError(f"expected {pages} pages, found {end - start} bytes")
        pointer = _POINTER_BYTES if local < payload else 0
        # The only cell of a page lies at its end.
        cell = start + page_bytes - pointer - local
        return cls(cell + header_bytes, local - header_bytes, start + page_bytes, end, page_bytes)

    def read(self, read: ReadRange, offset: int, length: int) -> bytes:
        """``length`` bytes of the value from ``offset`` on, by one call of ``read``.

        Raises FormatError where they lie on several pages that do not follow each other.
        """
        start, stop = self._place(offset), self._place(offset + length - 1) + 1
        data = read(stop - start, start)
        if stop - start == length:
            return data
        runs = self._runs(start, stop)
        for (_, end), (begin, _) in pairwise(runs):
            self._check_pointers(data[end - start : begin - start], begin - _POINTER_BYTES)
        return b"".join(data[a - start : b - start] for a, b in runs)

    def _place(self, offset: int) -> int:
        """Where a byte of the value lies in the file."""
        if offset < self.first_bytes:
            return self.first + offset
        page, within = divmod(offset - self.first_bytes, self.page_bytes - _POINTER_BYTES)
        return self.overflow + page * self.page_bytes + _POINTER_BYTES + within

    def _runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The parts of a range of the file that belong to the value."""
        begins = self.first + self.first_bytes
        runs = [(start, min(stop, begins))] if start < begins else []
        page = max(start - self.overflow, 0) // self.page_bytes
        while (begin := self.overflow + page * self.page_bytes) < stop:
            run = max(start, begin + _POINTER_BYTES), min(stop, begin + self.page_bytes)
            runs.append(run)
            page += 1
        return runs

    def _check_pointers(self, found: bytes, page: int) -> None:
        """Check what lies between the content of an overflow page and that of the one before it."""
        expected = self._pointer(page)
        if page == self.overflow:  # the leaf page has its own at its end
            expected = self._pointer(page - self.page_bytes) + expected
        if found != expected:
            raise FormatError(f"byte {page}: expected the pointers {expected!r}, found {found!r}")

    def _pointer(self, page: int) -> bytes:
        """The number of the page after this one, counted from 1, or 0 in the last one."""
        following = page + self.page_bytes
        number = 0 if following == self.end else following // self.page_bytes + 1
        return struct.pack(">I", number)


def _local_bytes(payload: int, page_bytes: int) -> int:
    """How much of a row of ``payload`` bytes is on its leaf page, as SQLite decides it."""
    most = page_bytes - 35
    if payload <= most:
        return payload
    least = (page_bytes - 12) * 32 // 255 - 23
    local = least + (payload - least) % (page_bytes - _POINTER_BYTES)
    return local if local <= most else least


def _header_number_bytes(value: int) -> int:
    """How many bytes a number below 2**56 takes in the header of a row: one for 7 bits."""
    return max(1, -(-value.bit_length() // 7))
