"""How an export is laid out: an ImageFolder with metadata, or the tar shards of WebDataset."""

from __future__ import annotations

import base64
import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcr.atomic import atomic_path

METADATA_FILE = "metadata.jsonl"  # Hugging Face's name


@dataclass(frozen=True)
class ExportedImage:
    """One image. file: its name in the export. values: of its columns."""

    file: str
    jpeg: NDArray[np.uint8]
    label: int
    class_name: str
    values: Mapping[str, Any]


def write_folder(out: Path, records: Iterable[Iterable[ExportedImage]]) -> Iterator[None]:
    """A file for each image, and a line of metadata for each that has columns; yields after each."""
    with ExitStack() as stack:
        metadata: io.TextIOBase | None = None
        for image in (image for images in records for image in images):
            _write(out / image.file, image.jpeg)
            if image.values:
                metadata = metadata or stack.enter_context(_lines(out / METADATA_FILE, stack))
                row = {"file_name": image.file, **image.values}
                metadata.write(json.dumps(row, default=_in_json) + "\n")
            yield


def write_tars(out: Path, records: Iterable[Iterable[ExportedImage]]) -> Iterator[None]:
    """A tar file for each record, of a sample for each image; yields after each image.

    A sample has the members ``jpg``, ``cls`` with the label, and ``json`` with the class's name and
    the columns, but for arrays (``NAME.npy``) and bytes (``NAME.bin``).
    """
    for number, images in enumerate(records):
        path = out / f"{number:06d}.tar"
        with (
            atomic_path(path, durable=False) as temporary,
            tarfile.open(temporary, "w", errors="surrogateescape") as tar,
        ):
            for image in images:
                _add_sample(tar, image)
                yield


def _lines(path: Path, stack: ExitStack) -> Any:
    temporary = stack.enter_context(atomic_path(path, durable=False))
    return temporary.open("x", encoding="utf-8")


def _write(path: Path, data: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, durable=False) as temporary, temporary.open("xb") as file:
        shutil.copyfileobj(io.BytesIO(data.data), file)


def _add_sample(tar: tarfile.TarFile, image: ExportedImage) -> None:
    key = image.file.rpartition(".")[0]
    fields: dict[str, Any] = {"label": image.class_name}
    _add(tar, image.file, image.jpeg.data)
    _add(tar, f"{key}.cls", str(image.label).encode())
    for name, value in image.values.items():
        if isinstance(value, bytes):
            _add(tar, f"{key}.{name}.bin", value)
        elif isinstance(value, np.ndarray) and value.shape:
            array = io.BytesIO()
            np.save(array, value, allow_pickle=False)
            _add(tar, f"{key}.{name}.npy", array.getbuffer())
        else:
            fields[name] = value
    _add(tar, f"{key}.json", json.dumps(fields, default=_in_json).encode())


def _add(tar: tarfile.TarFile, name: str, data: bytes | memoryview) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _in_json(value: Any) -> Any:
    """What JSON has in place of numbers and arrays of NumPy, and of bytes."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.tolist()
