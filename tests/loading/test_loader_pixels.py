"""Loader's pixels, compared with Pillow and torchvision."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from helpers import jpegs, records
from helpers.loaders import IDENTITY, assert_close, numpy_loader, pillow
from PIL import Image, ImageOps

from pcr import _native as native
from pcr.dataset.reader import Dataset
from pcr.loading.loader import Loader
from pcr.loading.windows import EvalTransform, TrainTransform, image_keys


@pytest.fixture(scope="module", params=["standard", "vision"])
def photos(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Photographs larger than their tensors, one more than twice: colour, grayscale, CMYK."""
    names = ("astronaut", "coffee", "rocket")
    images = [Image.fromarray(getattr(skimage.data, name)()).resize((420, 330)) for name in names]
    images += [images[0].convert("L").resize((330, 410)), images[1].convert("CMYK")]
    sources = [jpegs.encode(image, quality=92) for image in images]
    sources.append(jpegs.encode(images[2], quality=92, subsampling="4:4:4"))
    large = Image.fromarray(skimage.data.hubble_deep_field())
    sources.append(jpegs.encode(large, quality=92))
    root = tmp_path_factory.mktemp(f"photos-{request.param}")
    return records.make_dataset_of(root, [sources], request.param)


def resized_centre(shown: Image.Image, resize: int, crop: int) -> np.ndarray:
    """What EvalTransform(crop, resize) does, with Pillow."""
    scale = resize / min(shown.size)
    size = tuple(int(side * scale) for side in shown.size)
    left, top = (round((side - crop) / 2) for side in size)
    resized = shown.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + crop, top + crop)))


@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_eval_at_full_level_is_pillows_resize_and_crop(photos: Dataset, decoder: str) -> None:
    options = {
        "transform": EvalTransform(160, 192, **IDENTITY),
        "shuffle": False,
        "decoder": decoder,
    }
    ((images, _),) = numpy_loader(photos.root, **options)
    record = photos.records[0].read(photos.levels)
    for jpeg, image in zip(record, images, strict=True):
        assert_close(image.transpose(1, 2, 0), resized_centre(pillow(jpeg), 192, 160))


@pytest.mark.parametrize("level", [1, 2, 5])
def test_lower_levels_are_libjpegs_without_block_smoothing(photos: Dataset, level: int) -> None:
    options = {"shuffle": False, "n_scans": level, "block_smoothing": False}
    options["transform"] = EvalTransform(160, 192, **IDENTITY)
    ((images, _),) = numpy_loader(photos.root, **options)
    ((whole, _),) = numpy_loader(photos.root, **options | {"transform": None})
    for jpeg, image, pixels in zip(photos.records[0].read(level), images, whole, strict=True):
        expected = native.decode_rgb(jpeg, decoder="libjpeg")
        np.testing.assert_array_equal(pixels, expected)
        centre = resized_centre(Image.fromarray(expected), 192, 160)
        assert_close(image.transpose(1, 2, 0), centre)


def test_a_loader_smooths_blocks_unless_told_otherwise(photos: Dataset) -> None:
    ((smooth, _),) = numpy_loader(photos.root, n_scans=1, transform=None, shuffle=False)
    for jpeg, image in zip(photos.records[0].read(1), smooth, strict=True):
        np.testing.assert_array_equal(image, native.decode_rgb(jpeg, block_smoothing=True))


def test_train_is_pillows_resize_of_the_same_crop(photos: Dataset) -> None:
    transform = TrainTransform(96, **IDENTITY, oversampling=np.inf)
    loader = numpy_loader(photos.root, transform=transform, shuffle=False, seed=3)
    ((images, _),) = loader
    record = photos.records[0].read(photos.levels)
    shown = [pillow(record[i]) for i in range(len(record))]
    sizes = np.array([image.size for image in shown])
    boxes, flips = transform.windows(sizes, image_keys(3, 0, np.arange(len(shown))))
    assert flips.any() and not flips.all()
    for image, source, (x, y, width, height), flip in zip(images, shown, boxes, flips, strict=True):
        expected = source.crop((x, y, x + width, y + height)).resize(
            (96, 96), Image.Resampling.BILINEAR
        )
        if flip:
            expected = ImageOps.mirror(expected)
        assert_close(image.transpose(1, 2, 0), np.asarray(expected))


def test_tensors_are_torchvisions(photos: Dataset) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    transforms = pytest.importorskip("torchvision.transforms", reason="of the extra 'train'")
    theirs = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    ((images, labels),) = Loader(
        photos.root, 8, transform=EvalTransform(), shuffle=False, num_threads=1
    )
    record = photos.records[0].read(photos.levels)
    assert labels.dtype == torch.int64 and labels.tolist() == record.labels.tolist()
    for i, image in enumerate(images):
        assert_close(image.numpy() * 255 * 0.225, theirs(pillow(record[i])).numpy() * 255 * 0.225)


def test_decoding_at_a_reduced_size_changes_little(photos: Dataset) -> None:
    full, reduced = (
        numpy_loader(
            photos.root, transform=TrainTransform(64, **IDENTITY, **options), shuffle=False
        )
        for options in ({"oversampling": np.inf}, {})
    )
    for (images, _), (fewer, _) in zip(full, reduced, strict=True):
        assert 0 < np.abs(images - fewer).mean() < 4


def test_whole_images_are_those_that_pillow_shows(photos: Dataset) -> None:
    ((images, _),) = numpy_loader(photos.root, transform=None, shuffle=False)
    record = photos.records[0].read(photos.levels)
    for i, image in enumerate(images):
        assert image.dtype == np.uint8
        assert_close(image, np.asarray(pillow(record[i])))


@pytest.mark.parametrize(
    "transform", [EvalTransform(48, 48, **IDENTITY), None], ids=["tensor", "whole"]
)
def test_exif_orientation(tmp_path: Path, transform: EvalTransform | None) -> None:
    upright = jpegs.photo(72, 48)
    sources = [jpegs.encode(upright, quality=95, exif=jpegs.exif(o)) for o in range(1, 9)]
    root = records.make_dataset_of(tmp_path / "d", [sources]).root
    options = {"transform": transform, "shuffle": False}
    ((images, _),) = numpy_loader(root, **options, apply_orientation=True)
    ((stored, _),) = numpy_loader(root, **options)
    for i, source in enumerate(sources):
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(source)))
        if transform is not None:
            left, top = ((side - 48) // 2 for side in shown.size)
            expected = shown.crop((left, top, left + 48, top + 48))
            assert_close(images[i].transpose(1, 2, 0), np.asarray(expected))
        else:
            assert_close(images[i], np.asarray(shown))
        assert (stored[i] == stored[0]).all()
