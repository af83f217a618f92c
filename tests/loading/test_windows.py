"""Windows and flips: torchvision's distributions and rounding, independent of batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.loaders import numpy_loader
from PIL import Image
from scipy.stats import ks_2samp

from pcr.errors import UsageError
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.windows import EvalTransform, TrainTransform, image_keys, uniforms

DRAWS = 100_000


def windows(
    transform: TrainTransform | EvalTransform, size: tuple[int, int], count: int, epoch: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and flips of that many images of one size."""
    sizes = np.tile(np.array(size, dtype=np.int64), (count, 1))
    return transform.windows(sizes, image_keys(7, epoch, np.arange(count)))


@pytest.mark.parametrize("size", [(500, 375), (40, 300)], ids=["photo", "tall"])
@pytest.mark.parametrize("draws", [DRAWS // 10, pytest.param(DRAWS // 2, marks=pytest.mark.slow)])
def test_crops_are_distributed_as_torchvisions(size: tuple[int, int], draws: int) -> None:
    transforms = pytest.importorskip("torchvision.transforms", reason="of the extra 'train'")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    image = torch.empty(1, size[1], size[0])
    get = transforms.RandomResizedCrop.get_params
    expected = np.array([get(image, (0.08, 1.0), (3 / 4, 4 / 3)) for _ in range(draws)])
    # Ours cost little: many of them let the test tell as much from fewer of torchvision's.
    boxes = windows(TrainTransform(), size, 10 * draws)[0].astype(np.float64)
    top, left, height, width = expected.T
    samples = {
        "x": (boxes[:, 0], left),
        "y": (boxes[:, 1], top),
        "width": (boxes[:, 2], width),
        "height": (boxes[:, 3], height),
        "area": (boxes[:, 2] * boxes[:, 3], width * height),
        "ratio": (boxes[:, 2] / boxes[:, 3], width / height),
        "centre": (boxes[:, 0] + boxes[:, 2] / 2, left + width / 2),
    }
    for name, (ours, theirs) in samples.items():
        assert ks_2samp(ours, theirs).pvalue > 0.001, name


def test_flips_are_as_probable_as_asked_for() -> None:
    _, flips = windows(TrainTransform(flip=0.3), (500, 375), DRAWS)
    assert abs(flips.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / DRAWS)
    boxes, flips = windows(TrainTransform(), (500, 375), DRAWS)
    assert abs(np.corrcoef(boxes[:, 0], flips)[0, 1]) < 4 / np.sqrt(DRAWS)
    assert not windows(TrainTransform(flip=0), (5, 5), 100)[1].any()
    assert windows(TrainTransform(flip=1), (5, 5), 100)[1].all()


def test_windows_lie_within_the_image() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 600, (DRAWS, 2))
    boxes, _ = TrainTransform().windows(sizes, image_keys(0, 0, np.arange(DRAWS)))
    assert (boxes == np.rint(boxes)).all() and (boxes[:, 2:] >= 1).all() and (boxes >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= sizes).all()


@pytest.mark.parametrize(
    ("size", "box"),
    [((300, 3), (148, 0, 4, 3)), ((3, 300), (0, 148, 3, 4)), ((100, 100), (0, 0, 100, 100))],
)
def test_where_no_attempt_fits_the_largest_central_window(
    size: tuple[int, int], box: tuple[int, ...]
) -> None:
    boxes, _ = windows(TrainTransform(scale=(1.5, 2.0)), size, 3)
    assert boxes.tolist() == [list(box)] * 3


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (333, 334), (224, 1001), (64, 64)])
@pytest.mark.parametrize("crop", [224, 193, (200, 160)])
def test_the_centre_is_torchvisions(size: tuple[int, int], crop: int | tuple[int, int]) -> None:
    """The window, scaled up, is the crop that torchvision cuts out of the resized image."""
    transforms = pytest.importorskip("torchvision.transforms", reason="of the extra 'train'")
    # A picture of its own coordinates: nearest neighbours tell where each pixel was cut.
    resized = transforms.Resize(256)(Image.new("L", size))
    columns, rows = np.meshgrid(np.arange(resized.width), np.arange(resized.height))
    height, width = (crop, crop) if isinstance(crop, int) else crop
    cut = [
        np.asarray(transforms.CenterCrop((height, width))(Image.fromarray(axis.astype(np.int32))))
        for axis in (columns, rows)
    ]
    (box,), (flip,) = windows(EvalTransform(crop, 256), size, 1)
    scale = np.array([resized.width / size[0], resized.height / size[1]])
    np.testing.assert_allclose(box[:2] * scale, [cut[0][0, 0], cut[1][0, 0]], atol=1e-3)
    np.testing.assert_allclose(box[2:] * scale, [width, height], rtol=1e-6)
    assert not flip


def test_draws_depend_on_seed_epoch_and_image_alone() -> None:
    images = np.array([5, 3, 900, 2**40])
    together = image_keys(1, 2, images)
    alone = [image_keys(1, 2, images[i : i + 1])[0] for i in range(4)]
    assert together.tolist() == alone
    assert len({*together, *image_keys(1, 3, images), *image_keys(2, 2, images)}) == 12
    first, second = uniforms(together, 0, 30), uniforms(together, 1, 30)
    assert len(np.unique(np.concatenate([first, second]))) == 240


def test_draws_are_uniform() -> None:
    keys = image_keys(0, 0, np.arange(DRAWS))
    draws = uniforms(keys, 0, 3)
    for column in draws.T:
        assert ks_2samp(column, np.linspace(0, 1, DRAWS)).pvalue > 0.001
    assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 4 / np.sqrt(DRAWS)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TrainTransform(0),
        lambda: TrainTransform(scale=(0, 1)),
        lambda: TrainTransform(ratio=(2, 1)),
        lambda: TrainTransform(flip=1.5),
        lambda: TrainTransform(std=(1, 1, 0)),
        lambda: TrainTransform(mean=(1, 1)),
        lambda: TrainTransform(oversampling=0.5),
        lambda: EvalTransform(oversampling=float("nan")),
        lambda: EvalTransform(224, 200),
        lambda: EvalTransform((224, 300), 256),
        lambda: TrainTransform("224"),
        lambda: TrainTransform(2.5),
        lambda: TrainTransform(True),
        lambda: TrainTransform((1, 2, 3)),
        lambda: TrainTransform(scale=0.5),
        lambda: TrainTransform(ratio=("a", "b")),
        lambda: TrainTransform(flip="x"),
        lambda: TrainTransform(mean=None),
        lambda: TrainTransform(std=(1, 1, float("nan"))),
        lambda: TrainTransform(oversampling="1"),
        lambda: EvalTransform(resize="256"),
        lambda: EvalTransform(resize=256.5),
        lambda: EvalTransform((2,)),
    ],
)
def test_transforms_that_make_no_sense(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("transform", ["x", 5, TrainTransform, object(), lambda image: image])
def test_what_is_no_transform(transform: object) -> None:
    with pytest.raises(
        UsageError, match="transform: expected a TrainTransform, an EvalTransform, "
    ):
        DecodeOptions(transform=transform)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Corner:
    """The upper left corner, as doubles and numbers."""

    output_size: tuple[int, int] = (8, 8)
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (1, 1, 1)
    oversampling: float = 1
    resize_first: bool = False

    def windows(self, sizes: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.tile([0.0, 0.0, 8.0, 8.0], (len(sizes), 1)), np.zeros(len(sizes), dtype=int)


def test_a_transform_of_ones_own(loader_root: Path) -> None:
    images, _ = next(iter(numpy_loader(loader_root, transform=Corner())))
    assert images.shape == (8, 3, 8, 8) and images.std() > 0
    for wrong in (Corner(output_size=(0, 8)), Corner(std=(1, 1)), Corner(oversampling=0)):
        with pytest.raises(UsageError):
            DecodeOptions(transform=wrong)
