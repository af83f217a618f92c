"""What Loader says of bad images, records and arguments."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import jpegs
from helpers.loaders import SMALL, drain, numpy_loader
from helpers.toy_data import make_folder
from PIL import Image

from pcr.errors import DatasetError, FormatError, UsageError
from pcr.imagefolder import ImageFolder
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.loader import Loader, TensorLoader
from pcr.loading.windows import TrainTransform


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


@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
@pytest.mark.parametrize(
    ("bad", "stand_ins"),
    [
        ({1}, {1: 2}),
        ({1, 2, 4}, {1: 3, 2: 3, 4: 5}),
        ({4, 5}, {4: 0, 5: 0}),
        ({0, 3, 5}, {0: 1, 3: 4, 5: 1}),
        ({0, 1, 2, 4, 5}, {0: 3, 1: 3, 2: 3, 4: 3, 5: 3}),
    ],
    ids=str,
)
def test_an_image_of_another_batch_stands_in_where_a_batch_has_no_good_one(
    tmp_path: Path, transform: TrainTransform | None, bad: set[int], stand_ins: dict[int, int]
) -> None:
    source, good = six_files(tmp_path, bad)
    options = DecodeOptions(transform=transform, layout="NHWC", output="numpy", on_error="skip")
    expected = [good[stand_ins.get(number, number)] for number in range(6)]
    if transform is None:
        loader = TensorLoader(source, options)
        with pytest.warns(UserWarning, match="another image takes its place"):
            images = [(images[0].shape, int(labels[0])) for images, labels in loader]
        assert images == expected and loader.skipped == len(bad)
        return
    intact = drain(TensorLoader(six_files(tmp_path / "intact", set())[0], options))
    for first in (0, max(bad)):  # also where an epoch is resumed
        loader = TensorLoader(source, options)
        loader.set_epoch(0, first)
        with pytest.warns(UserWarning, match="another image takes its place"):
            drawn = drain(loader)
        assert drawn == [intact[stand_ins.get(number, number)] for number in range(first, 6)]
        assert loader.skipped == sum(number >= first for number in bad)


def test_an_epoch_without_a_good_image(tmp_path: Path) -> None:
    source, _ = six_files(tmp_path, set(range(6)))
    for batch_size in (1, 4):
        again = FileIterator(source.folder, batch_size, shuffle=False)
        loader = TensorLoader(again, DecodeOptions(output="numpy", on_error="skip"))
        with pytest.raises(FormatError, match=r"000\.jpg: .*; nor can any other image"):
            drain(loader)


def test_a_long_run_of_bad_images_is_searched_once(tmp_path: Path) -> None:
    source, _ = six_files(tmp_path, {0, 1, 2, 3, 4})
    sizes = [path.stat().st_size for path in map(source.folder.path, source.folder.samples)]
    loader = TensorLoader(source, DecodeOptions(output="numpy", on_error="skip"))
    with pytest.warns(UserWarning):
        drain(loader)
    assert source.bytes_read == sum(sizes) + sum(sizes[1:])


def six_files(root: Path, bad: set[int]) -> tuple[FileIterator, list[tuple[object, int]]]:
    """Batches of one file each, of which these are cut short; shapes and labels of the images."""
    folder = ImageFolder.scan(make_folder(root / "folder", 3))
    good: list[tuple[object, int]] = []
    for number, sample in enumerate(folder.samples):
        path = folder.path(sample)
        good.append((jpegs.decode(path.read_bytes()).shape, sample.label))
        if number in bad:
            path.write_bytes(path.read_bytes()[:-100])
    return FileIterator(folder, 1, shuffle=False), good


@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="sanitizers reserve more address space")
@pytest.mark.parametrize("transform", ["pcr.TrainTransform(16)", "None"], ids=["tensor", "whole"])
def test_being_out_of_memory_is_no_damage(tmp_path: Path, transform: str) -> None:
    """A good image that needs more memory than there is."""
    root = make_folder(tmp_path / "folder", 1)
    large = Image.new("L", (12_000, 12_000))
    large.save(root / "blue" / "large.jpg", progressive=True, quality=30)
    code = f"""
import resource, pcr
from pathlib import Path
source = pcr.FileIterator(pcr.ImageFolder.scan({str(root)!r}), 1, shuffle=False)
options = pcr.DecodeOptions({transform}, num_threads=1, output="numpy", on_error="skip")
loader = pcr.TensorLoader(source, options)
list(pcr.TensorLoader(source, pcr.DecodeOptions(max_pixels=10**6, output="numpy", on_error="skip")))
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    list(loader)
except MemoryError as error:
    print("MemoryError", loader.skipped)
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert printed == "MemoryError 0\n"


def test_a_damaged_record_is_never_skipped(damaged_root: Path) -> None:
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected checksum"):
        drain(numpy_loader(damaged_root, on_error="skip"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"n_scans": 11}, "n_scans: expected a level between 1 and 10"),
        ({"batch_size": 0}, "batch_size: expected 1 or more, found 0"),
        ({"prefetch_batches": 0}, "prefetch_batches"),
        ({"concurrent_reads": 0}, "concurrent_reads"),
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


def test_a_warning_shows_no_escape_sequence_of_a_file_name(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "folder", 1)
    (root / "blue" / "\x1b[31m.jpg").write_bytes(b"\xff\xd8\xff")
    files = FileIterator(ImageFolder.scan(root), 3, shuffle=False)
    with pytest.warns(UserWarning, match=re.escape(r"\x1b[31m.jpg: ")) as caught:
        drain(TensorLoader(files, DecodeOptions(output="numpy", on_error="skip")))
    assert "\x1b" not in str(caught[0].message)
