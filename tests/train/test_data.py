"""Our own loader in the trainer: every image once on all ranks, images in other formats, no DALI needed."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import records
from helpers.jpegs import encode
from helpers.training_runs import ALONE, SMALL, config, pcr_run, refusal, train, values
from PIL import Image

import pcr.train
from pcr.imagefolder import ImageFolder, Sample
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.loader import Loader, TensorLoader
from pcr.loading.windows import PAPER_RATIO, PAPER_SCALE, EvalTransform, TrainTransform
from pcr.train import data as train_data
from pcr.train.data import choose_loader, train_batches, validation_batches

pytestmark = pytest.mark.usefixtures("one_thread")
CUDA = torch.device("cuda", 0)
SIZES = [1, 2, 3, 5, 31, 64, 255, 256, 257, 999, 1000]
WHOLE = {"transform": EvalTransform(8, 8), "dtype": "uint8", "output": "numpy", "num_threads": 1}


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """A folder of 1000 one-coloured JPEGs, by whose colour each can be told, and their bytes."""
    folder = tmp_path_factory.mktemp("numbered")
    images = [encode(Image.new("RGB", (8, 8), colour(i)), quality=95) for i in range(max(SIZES))]
    (folder / "class").mkdir()
    for i, image in enumerate(images):
        (folder / "class" / f"{i}.jpg").write_bytes(image)
    return folder, images


def colour(number):
    return tuple(25 * (number // 10**k % 10) + 10 for k in range(3))


def numbers(images):
    """The numbers of a batch's images, from their colours."""
    digits = np.rint((images.mean(axis=(2, 3)) - 10) / 25).astype(int)
    return (digits @ [1, 10, 100]).tolist()


def pcr_ranks(numbered, images, world_size, tmp_path):
    parts = [numbered[1][first : min(first + 64, images)] for first in range(0, images, 64)]
    root = records.make_dataset_of(tmp_path / "pcr", parts).root
    return [
        Loader(root, 32, rank=rank, world_size=world_size, **WHOLE) for rank in range(world_size)
    ]


def file_ranks(numbered, images, world_size, _):
    samples = tuple(Sample(f"class/{i}.jpg", 0) for i in range(images))
    folder = ImageFolder(numbered[0], ("class",), samples)
    return [
        TensorLoader(
            FileIterator(folder, 32, rank=rank, world_size=world_size), DecodeOptions(**WHOLE)
        )
        for rank in range(world_size)
    ]


@pytest.mark.parametrize("make_ranks", [pcr_ranks, file_ranks])
@pytest.mark.parametrize("world_size", [1, 2, 4])
@pytest.mark.parametrize("images", SIZES)
def test_an_epoch_of_all_ranks_is_the_data_each_image_once(
    numbered, images, world_size, make_ranks, tmp_path
):
    ranks = make_ranks(numbered, images, world_size, tmp_path)
    epochs = [[numbers(batch) for batch, _ in rank] for rank in ranks]
    assert len({len(epoch) for epoch in epochs}) == 1
    drawn = Counter(number for epoch in epochs for batch in epoch for number in batch)
    assert drawn == Counter(range(images))


def test_auto_is_dali_on_a_gpu_where_it_is_installed(monkeypatch):
    assert choose_loader(ALONE.device) == "native"
    monkeypatch.setattr(train_data, "find_spec", lambda name: name)
    assert choose_loader(CUDA) == "dali"
    assert choose_loader(ALONE.device) == "native"
    monkeypatch.setattr(train_data, "find_spec", lambda name: None)
    assert choose_loader(CUDA) == "native"


@pytest.fixture
def no_dali(monkeypatch):
    """Importing DALI fails, as where it is not installed."""
    monkeypatch.delattr(pcr.train, "dali_batches", raising=False)  # if a test has imported it
    monkeypatch.delitem(sys.modules, "pcr.train.dali_batches", raising=False)
    for name in [name for name in sys.modules if name.startswith("nvidia.dali")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "nvidia.dali.pipeline", None)


@pytest.mark.parametrize("source", [["--PCR_train", "pcr", "val"], ["train", "val"]])
@pytest.mark.usefixtures("no_dali")
def test_no_dali_is_needed(data, tmp_path, source):
    *flags, train_dir, val_dir = source
    arguments = [*SMALL, *flags, "--loader", "native", "--epochs", "1", "--output_dir", tmp_path]
    assert train(*arguments, data / train_dir, data / val_dir) == 0
    assert len(values(tmp_path, "test_top_1")) == 1


@pytest.mark.usefixtures("no_dali")
def test_dali_that_is_missing_is_named(data, capsys, tmp_path):
    line = refusal(capsys, 1, *pcr_run(data, tmp_path), "--prof", "--loader", "dali")
    assert "the loader dali needs NVIDIA DALI" in line and "choose --loader native" in line


def test_training_draws_the_papers_windows(data):
    """Those that pcr/dali.py has DALI draw."""
    batches = train_batches(config(data), ALONE)
    assert batches.options.transform == TrainTransform(48, PAPER_SCALE, PAPER_RATIO)


def test_both_loaders_validate_the_same_pixels(data):
    pytest.importorskip(
        "nvidia.dali", reason="needs NVIDIA DALI, the extra dali-cuda12 or dali-cuda13"
    )
    ours, theirs = (
        torch.cat([images for images, _ in validation_batches(config(data, loader=one), ALONE)])
        for one in ("native", "dali")
    )
    # Where a margin is odd, DALI's centre lies a pixel beside torchvision's, which is ours.
    assert (ours - theirs).abs().mean() < 0.05


def test_channels_last_comes_from_the_loader(data):
    images, _ = next(iter(train_batches(config(data, channels_last=True), ALONE)))
    assert images.is_contiguous(memory_format=torch.channels_last)


class TestOtherFormats:
    """An ImageFolder may hold other formats than JPEG, whatever the names say."""

    @pytest.mark.parametrize(
        ("name", "form", "mode"),
        [
            ("a.png", "PNG", "RGBA"),
            ("a.jpg", "PNG", "RGB"),
            ("a.bmp", "BMP", "L"),
            ("a.webp", "WEBP", "RGB"),
            ("a.tif", "TIFF", "CMYK"),
            ("a.png", "PNG", "P"),
        ],
    )
    def test_they_are_seen_as_torchvision_sees_them(self, tmp_path, name, form, mode):
        path = self.write(tmp_path, name, form, mode)
        source = FileIterator(ImageFolder.scan(tmp_path), 1, only_jpegs=True)
        ((images, _),) = TensorLoader(
            source, DecodeOptions(**WHOLE | {"transform": EvalTransform(32, 32)})
        )
        with Image.open(path) as image:
            expected = np.asarray(image.convert("RGB"), dtype=float)
        assert np.abs(images[0].transpose(1, 2, 0) - expected).mean() <= 1
        assert source.bytes_read == path.stat().st_size

    def test_one_that_is_damaged_is_named(self, tmp_path, capsys, data):
        path = self.write(tmp_path / "val" / "blue", "a.png", "PNG", "RGB")
        path.write_bytes(path.read_bytes()[:60])
        (tmp_path / "val" / "red").mkdir()
        self.write(tmp_path / "val" / "red", "b.png", "PNG", "RGB")
        run = [*SMALL, "--loader", "native", "--evaluate", data / "train", tmp_path / "val"]
        line = refusal(capsys, 1, *run)
        assert f"{path}: expected an image, it can't be decoded" in line

    @staticmethod
    def write(folder: Path, name: str, form: str, mode: str) -> Path:
        across, down = np.meshgrid(np.arange(32), np.arange(32))
        pixels = np.stack([across * 7, down * 7, across + 3 * down], axis=2).astype(np.uint8)
        path = folder / "class" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).convert(mode).save(path, form)
        return path
