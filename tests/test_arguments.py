"""Whole numbers that are something else: text, fractions, truth values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.loaders import numpy_loader

from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.errors import UsageError
from pcr.imagefolder import ImageFolder
from pcr.ladder import Ladder
from pcr.loading.image_files import FileIterator
from pcr.tools.image_export import export
from pcr.tools.verification import verify

OPTIONS = (
    "images_per_record",
    "seed",
    "restart_rows",
    "max_pixels",
    "quality",
    "static_compression",
    "duplicate_dataset_factor",
)
OF_A_LOADER = (
    "batch_size",
    "n_scans",
    "seed",
    "shuffle_buffer_records",
    "num_threads",
    "prefetch_batches",
    "max_pixels",
)


@pytest.mark.parametrize("value", ["64", 8.0, True])
def test_a_whole_number_is_expected(
    photos: Path, converted: Path, tmp_path: Path, value: object
) -> None:
    folder = ImageFolder.scan(photos)
    calls: list[tuple[str, Callable[..., object]]] = [
        *((name, ConversionOptions) for name in OPTIONS),
        *((name, lambda **given: numpy_loader(converted, **given)) for name in OF_A_LOADER),
        ("batch_size", lambda **given: FileIterator(folder, **given)),
        ("num_workers", lambda **given: convert(photos, tmp_path / "new", **given)),
        ("num_workers", lambda **given: list(verify(converted, **given))),
        ("quality", lambda **given: export(converted, tmp_path / "new", **given)),
        ("n_scans", lambda **given: export(converted, tmp_path / "new", **given)),
        ("levels", Ladder.default().with_levels),
    ]
    for name, call in calls:
        with pytest.raises(UsageError, match=rf"^{name}: expected .*, found {value!r}"):
            call(**{name: value})
    assert not (tmp_path / "new").exists()


def test_a_ladder_is_expected() -> None:
    with pytest.raises(UsageError, match="ladder: expected a Ladder, found 'standard'"):
        ConversionOptions(ladder="standard")  # type: ignore[arg-type]
