"""Progressive Compressed Records: JPEG training sets whose fidelity is chosen when they are read.

The public names below are imported when they are first used (PEP 562): ``import pcr`` loads neither
torch nor the native module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pcr.extras import naming_extras

__version__ = "0.1.0"

_HOMES = {
    "pcr.errors": ("PCRError", "UsageError", "FormatError", "DatasetError", "StorageError"),
    "pcr.ladder": ("Ladder",),
    "pcr.storage.store": ("open_store",),
    "pcr.storage.retries": ("Retries",),
    "pcr.imagefolder": ("ImageFolder",),
    "pcr.dataset.reader": ("Dataset",),
    "pcr.dataset.record": ("Record",),
    "pcr.dataset.image": ("Image",),
    "pcr.dataset.columns": ("Column",),
    "pcr.dataset.column_types": ("ColumnType",),
    "pcr.conversion.options": ("ConversionOptions",),
    "pcr.conversion.run": ("convert",),
    "pcr.conversion.merging": ("merge",),
    "pcr.conversion.summary": ("ConversionSummary",),
    "pcr.loading.iterator": ("PCRIterator",),
    "pcr.loading.image_files": ("FileIterator",),
    "pcr.loading.loader": ("Loader", "TensorLoader"),
    "pcr.loading.mixture": ("Mixture",),
    "pcr.loading.decode_options": ("DecodeOptions",),
    "pcr.loading.windows": ("EvalTransform", "TrainTransform", "Transform"),
    "pcr.tools.verification": ("Verdict", "verify"),
    "pcr.tools.image_export": ("ExportSummary", "export"),
    "pcr.tools.dataset_copy": ("CopySummary", "copy"),
    "pcr.tools.column_addition": ("AddedColumn", "add_column"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with naming_extras():
        value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from pcr.conversion.merging import merge
    from pcr.conversion.options import ConversionOptions
    from pcr.conversion.run import convert
    from pcr.conversion.summary import ConversionSummary
    from pcr.dataset.column_types import ColumnType
    from pcr.dataset.columns import Column
    from pcr.dataset.image import Image
    from pcr.dataset.reader import Dataset
    from pcr.dataset.record import Record
    from pcr.errors import DatasetError, FormatError, PCRError, StorageError, UsageError
    from pcr.imagefolder import ImageFolder
    from pcr.ladder import Ladder
    from pcr.loading.decode_options import DecodeOptions
    from pcr.loading.image_files import FileIterator
    from pcr.loading.iterator import PCRIterator
    from pcr.loading.loader import Loader, TensorLoader
    from pcr.loading.mixture import Mixture
    from pcr.loading.windows import EvalTransform, TrainTransform, Transform
    from pcr.storage.retries import Retries
    from pcr.storage.store import open_store
    from pcr.tools.column_addition import AddedColumn, add_column
    from pcr.tools.dataset_copy import CopySummary, copy
    from pcr.tools.image_export import ExportSummary, export
    from pcr.tools.verification import Verdict, verify
