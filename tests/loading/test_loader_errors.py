"""What Loader says of bad images, records and arguments."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.loaders import SMALL, drain, numpy_loader
from helpers.toy_data import make_folder

from pcr.errors import DatasetError, FormatError, UsageError
from pcr.imagefolder import ImageFolder
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.loader import Loader, TensorLoader
from pcr.loading.transforms import TrainTransform


@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
def test_an_error_names_the_image(damaged_root: Path, transform: TrainTransform | None) -> None:
    loader = numpy_loader(damaged_root, transform=transform, shuffle=False, verify_checksums=False)
    delivered = 0
    with pytest.raises(FormatError, match=r"PCR_1\.db: image bee/7\.jpg: "):
        for _, labels in loader:
            delivered += len(labels)
    assert delivered == 0 and loader.state_dict()["batch"] == 0


@pytest.mark.parametrize("part", [0.05, 0.6, 0.99])
@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
def test_a_truncated_file_of_a_folder_is_bad(
    tmp_path: Path, transform: TrainTransform | None, part: float
) -> None:
    root = make_folder(tmp_path / "folder", 3)
    damaged = root / "blue" / "001.jpg"
    damaged.write_bytes(damaged.read_bytes()[: int(part * damaged.stat().st_size)])
    source = FileIterator(ImageFolder.scan(root), 3, shuffle=False)
    options = DecodeOptions(transform=transform, output="numpy", apply_orientation=True)
    with pytest.raises(FormatError, match=re.escape(str(damaged))):
        list(TensorLoader(source, options))
    skipping = TensorLoader(source, replace(options, on_error="skip"))
    with pytest.warns(UserWarning, match=re.escape(str(damaged))):
        drawn = drain(skipping)
    assert skipping.skipped == 1 and len(drawn) == 6 and drawn[1] == drawn[2]


@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
def test_another_image_stands_in_for_a_skipped_one(
    damaged_root: Path, transform: TrainTransform | None
) -> None:
    options = {"transform": transform, "shuffle": False, "verify_checksums": False}
    loader = numpy_loader(damaged_root, 6, on_error="skip", **options)
    with pytest.warns(UserWarning, match=r"PCR_1\.db: image bee/7\.jpg: ") as caught:
        drawn = drain(loader)
    assert len(caught) == 1 and loader.skipped == 2 and len(drawn) == 12
    assert drawn[7] == drawn[8] and drawn[10] == drawn[11]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drain(loader)
    assert loader.skipped == 4
    with pytest.raises(FormatError, match="bee/7"):  # no image to replace it
        drain(numpy_loader(damaged_root, 1, on_error="skip", **options))


def test_a_damaged_record_is_never_skipped(damaged_root: Path) -> None:
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected checksum"):
        drain(numpy_loader(damaged_root, on_error="skip"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"n_scans": 11}, "n_scans: expected a level between 1 and 10"),
        ({"batch_size": 0}, "batch_size: expected 1 or more, found 0"),
        ({"prefetch_batches": 0}, "prefetch_batches"),
        ({"read_ahead_records": 0}, "read_ahead_records"),
        ({"shuffle_buffer_records": 0}, "shuffle_buffer_records: expected 1 or more, found 0"),
        ({"num_threads": 0}, "num_threads"),
        ({"seed": -1}, "seed"),
        ({"rank": 2, "world_size": 2}, "rank: expected 0 to 1, found 2"),
        ({"dtype": "int8"}, "dtype: expected one of uint8, float32"),
        ({"dtype": "bfloat16"}, "NumPy has no bfloat16"),
        ({"dtype": "float32", "transform": None}, "expected uint8 for whole images"),
        ({"layout": "CHWN"}, "layout"),
        ({"device": "cuda"}, "device: expected cpu for NumPy"),
        ({"device": "cuda", "output": "torch", "transform": None}, "expected cpu for whole images"),
        ({"output": "jax"}, "output"),
        ({"decoder": "turbo"}, "decoder: expected one of native, libjpeg, found 'turbo'"),
        ({"on_error": "ignore"}, "on_error"),
        ({"block_smoothing": True}, "block_smoothing"),
    ],
)
def test_arguments_out_of_range(
    loader_root: Path, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        numpy_loader(loader_root, **options)


def test_devices_that_are_not_there(loader_root: Path) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="device: expected one that is there"):
            Loader(loader_root, 8, device="cuda")
    for device in ("meta", "gpu"):
        with pytest.raises(UsageError, match=f"device: expected cpu or cuda, found '{device}'"):
            Loader(loader_root, 8, device=device)


def test_a_directory_without_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a PCR dataset"):
        Loader(tmp_path, 8)
