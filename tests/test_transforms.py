"""Boxes, points and masks follow their images as torchvision's do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import jpegs, records
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import pcr
from pcr.loading.windows import EvalTransform, TrainTransform, image_keys
from pcr.transforms import crop_boxes, crop_masks, crop_points

torch = pytest.importorskip("torch", reason="of the extra 'train'")
tv_tensors = pytest.importorskip("torchvision.tv_tensors", reason="of the extra 'train'")
v2 = pytest.importorskip("torchvision.transforms.v2.functional")

OUTPUT = st.tuples(st.integers(1, 90), st.integers(1, 90))
SOURCE = st.tuples(st.integers(1, 300), st.integers(1, 300))
SEED = st.integers(0, 2**32)


def boxes_on(height: int, width: int, seed: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    corners = random.integers(0, [width + 1, height + 1], (random.integers(5), 2, 2))
    return np.sort(corners, axis=1).reshape(-1, 4).astype(np.float32)


def mask_on(height: int, width: int, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 255, (2, height, width), dtype=np.uint8)


@given(SOURCE, OUTPUT, SEED)
@settings(max_examples=300)
def test_random_crops_are_torchvisions(
    source: tuple[int, int], output: tuple[int, int], seed: int
) -> None:
    height, width = source
    keys = image_keys(seed, 0, np.array([1]))
    (window,), (flip,) = TrainTransform(output).windows(np.array([[width, height]]), keys)
    left, top, w, h = map(int, window)
    boxes, masks = boxes_on(height, width, seed), mask_on(height, width, seed)
    expected = [
        tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=source),
        tv_tensors.Mask(torch.from_numpy(masks)),
    ]
    expected = [v2.resized_crop(of, top, left, h, w, list(output)) for of in expected]
    if flip:
        expected = [v2.horizontal_flip(of) for of in expected]
    found = crop_boxes(boxes, window, flip, output)
    np.testing.assert_allclose(found, expected[0].numpy().reshape(-1, 4), atol=0.01)
    assert np.array_equal(crop_masks(masks, window, flip, output), expected[1].numpy())


@given(SOURCE, st.integers(2, 90), st.floats(0, 1), SEED)
@settings(max_examples=150)
def test_centre_crops_are_torchvisions(
    source: tuple[int, int], resize: int, share: float, seed: int
) -> None:
    height, width = source
    side = max(1, round(share * resize))
    transform = EvalTransform(side, resize)
    (window,), (flip,) = transform.windows(np.array([[width, height]]), np.array([0], np.uint64))
    boxes, masks = boxes_on(height, width, seed), mask_on(height, width, seed)
    expected = [
        v2.center_crop(v2.resize(of, [resize]), [side, side])
        for of in (
            tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=source),
            tv_tensors.Mask(torch.from_numpy(masks)),
        )
    ]
    found = crop_boxes(boxes, window, flip, side)
    np.testing.assert_allclose(found, expected[0].numpy().reshape(-1, 4), atol=0.01)
    assert np.array_equal(crop_masks(masks, window, flip, side), expected[1].numpy())


def test_formats_and_points_agree_with_corners() -> None:
    window, size = np.array([10, 20, 60, 30], np.float32), (15, 20)
    corners = np.array([[12.0, 22, 30, 40], [5, 5, 40, 60]], np.float32)
    lows, sizes = corners[:, :2], corners[:, 2:] - corners[:, :2]
    for flip in (False, True):
        for clip in (False, True):
            expected = crop_boxes(corners, window, flip, size, clip=clip)
            for form, boxes in (
                ("xywh", np.hstack([lows, sizes])),
                ("cxcywh", np.hstack([lows + sizes / 2, sizes])),
            ):
                found = crop_boxes(boxes, window, flip, size, format=form, clip=clip)  # type: ignore[arg-type]
                shift = found[:, 2:] * (0.5 if form == "cxcywh" else 0)
                low = found[:, :2] - shift
                np.testing.assert_allclose(
                    np.hstack([low, low + found[:, 2:]]), expected, atol=1e-4
                )
    points = crop_points([[10, 20], [70, 50]], window, False, size)
    assert points.tolist() == [[0, 0], [20, 15]]
    assert crop_points([[10, 20], [70, 50]], window, True, size).tolist() == [[20, 0], [0, 15]]


def test_what_is_drawn_on_an_image_stays_there(tmp_path: Path) -> None:
    """A rectangle in the picture, its box and its mask, through the loader itself."""
    pixels = np.zeros((120, 160, 3), np.uint8)
    pixels[40:90, 30:100] = 255
    source = jpegs.encode(Image.fromarray(pixels), quality=100, subsampling=0)
    root = records.make_dataset_of(tmp_path / "d", [[source] * 12]).root
    pcr.add_column(root, "box", np.tile([[30.0, 40, 100, 90]], (12, 1)), progress=False)
    pcr.add_column(root, "mask", [(pixels[..., 0] > 0)] * 12, type="bool[120,160]", progress=False)
    transform = TrainTransform(64, oversampling=float("inf"))
    loader = pcr.Loader(
        root, 4, transform=transform, dtype="uint8", columns=["box", "mask"], return_crop=True
    )
    for batch in loader:
        boxes = crop_boxes(batch["box"], batch["window"], batch["flip"], 64)
        masks = crop_masks(batch["mask"], batch["window"], batch["flip"], 64)
        assert isinstance(boxes, torch.Tensor) and boxes.shape == (4, 4)
        assert isinstance(masks, torch.Tensor) and masks.shape == (4, 64, 64)
        for image, box, mask in zip(batch["images"], boxes, masks, strict=True):
            shown = image[0] > 127
            assert (shown != mask).float().mean() < 0.05
            if shown.any():
                rows, columns = torch.nonzero(shown.any(1)), torch.nonzero(shown.any(0))
                found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert np.abs(box.numpy() - np.array(found)).max() <= 1


def test_lists_give_lists_and_arrays_arrays() -> None:
    windows, flips = np.array([[0, 0, 4, 4]] * 2), np.array([False, True])
    ragged = [np.ones((1, 4)), torch.ones((3, 4), dtype=torch.float64)]
    found = crop_boxes(ragged, windows, flips, 2)
    assert isinstance(found[0], np.ndarray) and isinstance(found[1], torch.Tensor)
    assert crop_points(np.ones((2, 5, 2)), windows, flips, 2).shape == (2, 5, 2)
    assert crop_boxes([], np.zeros((0, 4)), np.zeros(0), 2) == []
    nothing = crop_masks(torch.zeros(0, 5, 6), torch.zeros(0, 4), torch.zeros(0), (2, 3))
    assert nothing.shape == (0, 2, 3) and crop_boxes(
        np.ones((0, 4)), np.ones((0, 4)), [], 2
    ).shape == (0, 4)
    assert crop_masks(np.ones((2, 3, 4, 4), bool), windows, flips, (2, 3)).shape == (2, 3, 2, 3)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: crop_boxes(np.ones((1, 3)), np.ones(4), False, 2), r"boxes: expected shape \(…, 4"),
        (lambda: crop_boxes(np.ones((1, 4)), np.ones(3), False, 2), "window: expected shape"),
        (lambda: crop_boxes([np.ones((1, 4))], np.ones((2, 4)), [0, 1], 2), "boxes: expected those of 2"),
        (lambda: crop_masks(np.ones(4), np.ones(4), False, 2), "masks: expected shape"),
        (lambda: crop_masks(np.ones((3, 3)), [1, 0, 3, 3], False, 2), "masks: expected the shape of the source"),
        (lambda: crop_masks(np.ones((3, 3)), [-1, 0, 2, 2], False, 2), "masks: expected the shape of the source"),
        (lambda: crop_points(np.ones(2), np.ones(4), False, 0), "size: expected 1 or more"),
        (lambda: crop_boxes(np.ones(4), np.ones(4), False, 2, format="yxyx"), "format: expected one"),
    ],
)  # fmt: skip
def test_other_shapes_are_refused(call: Any, complaint: str) -> None:
    with pytest.raises(pcr.UsageError, match=complaint):
        call()
