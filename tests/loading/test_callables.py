"""Callables of the user: on each image, on each batch, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.loaders import SMALL, numpy_loader

from pcr.errors import UsageError
from pcr.loading.loader import Loader
from pcr.loading.windows import EvalTransform, TrainTransform


def mirrored(image: Any) -> Any:
    return image[..., ::-1].copy()


def test_each_image_is_transformed_after_its_window(loader_root: Path) -> None:
    plain = numpy_loader(loader_root, 8, dtype="uint8", seed=2)
    changed = numpy_loader(loader_root, 8, image_transform=mirrored, seed=2)
    for (images, labels), (expected, same) in zip(changed, plain, strict=True):
        assert images.dtype == np.uint8 and np.array_equal(images, expected[..., ::-1])
        assert np.array_equal(labels, same)


def test_whole_images_are_transformed_and_stacked_where_they_fit(loader_root: Path) -> None:
    options: dict[str, Any] = {"transform": None, "layout": "NCHW"}
    cut = numpy_loader(loader_root, 8, image_transform=lambda image: image[:, :8, :8], **options)
    assert next(iter(cut))[0].shape == (8, 3, 8, 8)
    whole = numpy_loader(loader_root, 8, image_transform=mirrored, **options)
    assert isinstance(next(iter(whole))[0], list)


def test_a_seed_depends_on_nothing_but_the_image_and_the_epoch(loader_root: Path) -> None:
    def seeded(image: Any, seed: int) -> Any:
        return np.full(2, seed, dtype=np.uint64)

    def seeds(**options: Any) -> list[dict[int, int]]:
        loader = numpy_loader(loader_root, image_transform=seeded, return_index=True, **options)
        return [
            {
                int(number): int(image[0])
                for batch in loader
                for number, image in zip(batch["index"], batch["images"], strict=True)
            }
            for _ in range(2)
        ]

    first, second = seeds(batch_size=8)
    assert len(set(first.values()) | set(second.values())) == 2 * len(first)
    assert seeds(batch_size=3, num_threads=1) == [first, second]


def test_batches_are_transformed_as_they_are_handed_out(loader_root: Path) -> None:
    def halved(images: Any, labels: Any) -> tuple[Any, Any]:
        return images / 2, labels + 1

    def named(batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "twice": 2 * batch["index"]}

    plain = list(numpy_loader(loader_root, 8))
    for (images, labels), (whole, same) in zip(
        numpy_loader(loader_root, 8, batch_transform=halved), plain, strict=True
    ):
        assert np.array_equal(images, whole / 2) and np.array_equal(labels, same + 1)
    for batch in numpy_loader(loader_root, 8, batch_transform=named, return_index=True):
        assert np.array_equal(batch["twice"], 2 * batch["index"])


def test_a_loader_with_callables_resumes(loader_root: Path) -> None:
    loader = numpy_loader(loader_root, 8, image_transform=mirrored)
    batches = iter(loader)
    next(batches)
    resumed = numpy_loader(loader_root, 8, image_transform=mirrored)
    resumed.load_state_dict(loader.state_dict())
    for (ours, _), (theirs, _) in zip(resumed, batches, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"transform": mirrored}, "transform: expected a TrainTransform.* found function: a callable on images goes"),
        ({"transform": EvalTransform}, "transform: expected a TrainTransform"),
        ({"image_transform": SMALL}, "image_transform: expected a function, .* windows, such as"),
        ({"image_transform": TrainTransform}, "image_transform: expected a function"),
        ({"batch_transform": 3}, "batch_transform: expected a function"),
        ({"image_transform": mirrored, "dtype": "float32"}, "dtype: expected uint8 for image_transform"),
    ],
)  # fmt: skip
def test_what_cannot_be_called_is_refused(
    loader_root: Path, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        numpy_loader(loader_root, 8, **options)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"image_transform": lambda image: image.convert("RGB")},
         r"image_transform: expected it to take a ndarray of uint8 and shape \(3, 16, 16\), found "
         r"AttributeError: .*convert.*: see docs/guides/transforms\.md"),
        ({"batch_transform": lambda images: images},
         "batch_transform: expected it to take images and labels, found TypeError"),
        ({"batch_transform": lambda images, labels: images},
         "batch_transform: expected it to return images and labels, found ndarray"),
        ({"batch_transform": lambda batch: None, "return_index": True},
         "batch_transform: expected it to return a dictionary, found NoneType"),
    ],
)  # fmt: skip
def test_a_callable_that_fails_is_told_what_it_gets(
    loader_root: Path, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        next(iter(numpy_loader(loader_root, 8, **options)))


def test_tensors_are_stacked_under_torch(loader_root: Path) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    loader = Loader(loader_root, 8, image_transform=lambda image: image.float() / 255)
    images, labels = next(iter(loader))
    assert images.dtype == torch.float32 and images.shape == (8, 3, 224, 224)
    assert 0 <= images.min() < images.max() <= 1 and labels.dtype == torch.int64
