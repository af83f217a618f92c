"""Recognise datasets of the paper's released code, which are not read but should be named."""

from __future__ import annotations

from pathlib import Path

from pcr.dataset import layout
from pcr.errors import DatasetError
from pcr.regular_file import open_regular

_RECORD_SUFFIX = ".pcr"
_OTHER_INDEXES = ("BCR.db", "PCR_index.pb", "PCR_rocksdb.db")
_PICKLED_TABLE = b"unnamed"  # the table of a sqlitedict with its defaults, whose values are pickles
_FIRST_PAGE_BYTES = 4096


def refuse_release(directory: Path, advice: str) -> None:
    """Raise DatasetError, with the advice, where the directory holds a dataset of the release."""
    if directory.is_dir() and _is_release_dataset(directory):
        raise DatasetError(
            f"{directory}: holds a dataset of the paper's released code (pickled index, .pcr "
            "records), which is not read, because unpickling runs code from the file and because it "
            f"holds no names of classes and images: {advice}"
        )


def _is_release_dataset(directory: Path) -> bool:
    index = directory / layout.INDEX_FILE
    if index.is_file():
        return _is_pickled(index)
    if any((directory / name).exists() for name in _OTHER_INDEXES):
        return True
    return any(path.suffix == _RECORD_SUFFIX for path in directory.iterdir())


def _is_pickled(index: Path) -> bool:
    with open_regular(index) as file:
        page = file.read(_FIRST_PAGE_BYTES)
    return layout.application_id(page) == 0 and _PICKLED_TABLE in page
