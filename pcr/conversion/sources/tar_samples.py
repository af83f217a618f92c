"""Samples of WebDataset: the members of tar files that have one name but for what follows its first dot.

As `webdataset <https://github.com/webdataset/webdataset>`_ groups them: neighbours only, with the
part after the dot in lower case; files without a dot or a name, and those called ``__…__``, are left
out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from pcr.conversion.sources.byte_spans import SourceFile, Span
from pcr.conversion.sources.stored_bytes import StoredValue
from pcr.conversion.sources.tar_members import tar_members
from pcr.errors import FormatError
from pcr.storage.ranged_file import open_ranged

_NAME = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)", re.DOTALL)
_LEFT_OUT = re.compile(r"__[^/]*__($|/)")
_TEXTS = ("txt", "text", "transcript", "html", "htm")
_NUMBERS = ("cls", "cls2", "class", "count", "index", "inx", "id")


@dataclass(frozen=True, slots=True)
class TarSample:
    """One sample. name: of its image. fields: the values of its other members, by their names."""

    name: str
    image: Span
    fields: dict[str, Any]


def tar_samples(file: SourceFile, image_types: Iterable[str]) -> list[TarSample]:
    """The samples of one tar file; the image is the first member that has one of these types.

    Texts, numbers and JSON are read; arrays and other members are found, to be read later.
    Raises FormatError where the file is damaged or a sample has no image.
    """
    with open_ranged(file.store, file.name) as tar:
        return [
            _sample(tar, key, members, tuple(image_types), file)
            for key, members in _grouped(tar, file)
        ]


def _grouped(tar: BinaryIO, file: SourceFile) -> Iterator[tuple[str, dict[str, tuple[str, Span]]]]:
    """The key of each sample, and its members by type, with their whole names."""
    current, members = None, dict[str, tuple[str, Span]]()
    for name, span in tar_members(tar, file):
        found = None if _LEFT_OUT.match(name) else _NAME.fullmatch(name)
        if found is None:
            continue
        key, type = found[1], found[2].lower()
        if key != current and current is not None:
            yield current, members
            members = {}
        if type in members and key == current:
            raise FormatError(f"{file.location}: expected each member once, found {name!r} twice")
        current = key
        members[type] = name, span
    if current is not None:
        yield current, members


def _sample(
    tar: BinaryIO,
    key: str,
    members: dict[str, tuple[str, Span]],
    image_types: tuple[str, ...],
    file: SourceFile,
) -> TarSample:
    image_type = next((type for type in image_types if type in members), None)
    if image_type is None:
        raise FormatError(
            f"{file.location}: sample {key!r}: expected an image ({', '.join(image_types)}), "
            f"found {', '.join(members)}"
        )
    name, image = members[image_type]
    fields: dict[str, Any] = {}
    for type, (member, span) in members.items():
        if type != image_type:
            try:
                found = _fields(tar, type, span)
                if twice := fields.keys() & found.keys():
                    raise ValueError(f"a second value of {min(twice)!r}")
                fields |= found
            except (ValueError, RecursionError) as error:
                raise FormatError(f"{file.location}: {member}: {error}") from None
    return TarSample(name.removeprefix("./"), image, fields)


def _fields(tar: BinaryIO, type: str, span: Span) -> dict[str, Any]:
    """What a member says: the fields of a JSON object, or one field that has its name."""
    prefix, _, suffix = type.rpartition(".")
    field = prefix or type
    if suffix == "npy":
        return {field: _array(tar, span)}
    if suffix not in (*_TEXTS, *_NUMBERS, "json"):
        return {prefix if prefix and suffix == "bin" else type: StoredValue(span)}
    tar.seek(span.start)
    text = tar.read(span.size).decode()
    if suffix == "json":
        value = json.loads(text)
        return value if type == suffix and isinstance(value, dict) else {field: value}
    return {field: text if suffix in _TEXTS else int(text)}


def _array(tar: BinaryIO, span: Span) -> StoredValue:
    """An array of NumPy's format, of which the header alone is read; ValueError where it is none."""
    tar.seek(span.start)
    version = np.lib.format.read_magic(tar)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(tar)
    if dtype.kind not in "biuf":
        raise ValueError(f"expected an array of numbers, found one of {dtype}")
    return StoredValue(span, np.broadcast_to(np.zeros((), dtype), shape))
