"""Boxes, points and masks that follow their image through its window, mirroring and resizing.

A loader with ``return_crop=True`` says which window of the source an image shows, and whether it is
mirrored. These functions do the same to what lies on the image, for one image or for a batch:

    boxes = crop_boxes(batch["boxes"], batch["window"], batch["flip"], size=224)

They take and give NumPy arrays or tensors, and copy; the work is done on the CPU. The results are those of
torchvision.transforms.v2 on tv_tensors: resized_crop, or resize and center_crop, then
horizontal_flip (https://docs.pytorch.org/vision/stable/transforms.html).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.arguments import check_at_least, check_choice, check_numbers
from pcr.errors import UsageError

Size: TypeAlias = int | tuple[int, int]
BoxFormat = Literal["xyxy", "xywh", "cxcywh"]

_FORMATS = ("xyxy", "xywh", "cxcywh")
_UNIT = np.array([0.0, 0, 1, 1])
_ROUNDING = 1e-2  # of a window in float32, in pixels of the output


def crop_points(points: Any, window: Any, flip: Any, size: Size) -> Any:
    """Where points of the source are in the output.

    points: x and y in pixels of the source, of shape (…, 2); for a batch one array for each image.
    window: left, top, width and height in the source, of shape (4,), or (N, 4) for a batch.
    flip: whether the image is mirrored; of shape (N,) for a batch.
    size: of the output in pixels: the side of a square, or height and width.

    Floats of the same shape; points outside of the window lie outside of the output. For a batch a
    list, or one array if the points are one. Raises UsageError for other shapes.
    """
    return _apply(partial(_points, size=_pair(size)), points, window, flip, "points", 2)


def crop_boxes(
    boxes: Any,
    window: Any,
    flip: Any,
    size: Size,
    *,
    format: BoxFormat = "xyxy",
    clip: bool = True,
) -> Any:
    """Where boxes of the source are in the output.

    boxes: in pixels of the source, of shape (…, 4); for a batch one array for each image.
    window, flip, size: as of `crop_points`.
    format: "xyxy", the default: left, top, right, bottom; "xywh": left, top, width, height, as COCO
        has them; "cxcywh": centre, width, height.
    clip: cut the boxes off at the output's border; default True. A box outside of the window then
        has no area: none is left out, so that labels of boxes stay with them.

    Floats of the same shape, in the same format. Raises UsageError for other shapes.
    """
    check_choice(_FORMATS, format=format)
    one = partial(_boxes, size=_pair(size), format=format, clip=clip)
    return _apply(one, boxes, window, flip, "boxes", 4)


def crop_masks(masks: Any, window: Any, flip: Any, size: Size) -> Any:
    """What the output shows of masks of the source: for each of its pixels the nearest value.

    masks: of any dtype and of shape (…, height, width) of the source; for a batch one array for
        each image.
    window, flip, size: as of `crop_points`.

    Of the same dtype and of shape (…, output height, output width). Raises UsageError for other
    shapes.
    """
    return _apply(partial(_masks, size=_pair(size)), masks, window, flip, "masks", None)


_One: TypeAlias = Callable[[NDArray[Any], NDArray[np.float64], bool], NDArray[Any]]


def _apply(one: _One, values: Any, window: Any, flip: Any, what: str, last: int | None) -> Any:
    """What ``one`` does to an image's values, or to those of each image of a batch."""
    windows, flips = _array(window).astype(np.float64), _array(flip).astype(np.bool_)
    if windows.shape[-1:] != (4,) or flips.shape != windows.shape[:-1] or windows.ndim > 2:
        raise UsageError(
            f"expected shape (4,) and one flip, or (N, 4) and N flips, found {windows.shape} and "
            f"{flips.shape}",
            "window",
        )
    if windows.ndim == 1:
        return _like(values, one(_checked(values, what, last), windows, bool(flips)))
    if len(values) != len(windows):
        raise UsageError(f"expected those of {len(windows)} images, found {len(values)}", what)
    done = [
        _like(own, one(_checked(own, what, last), window, bool(flip)))
        for own, window, flip in zip(values, windows, flips, strict=True)
    ]
    if isinstance(values, Sequence):
        return done
    # Of no image: the shape is that of any image's.
    return _stacked(done) if done else _like(values, one(_array(values), _UNIT, False))


def _checked(values: Any, what: str, last: int | None) -> NDArray[Any]:
    found = _array(values)
    if last is None and found.ndim < 2:
        raise UsageError(f"expected shape (…, height, width), found {found.shape}", what)
    if last is not None and found.shape[-1:] != (last,):
        raise UsageError(f"expected shape (…, {last}), found {found.shape}", what)
    return found


def _points(
    points: NDArray[Any], window: NDArray[np.float64], flip: bool, size: tuple[int, int]
) -> NDArray[Any]:
    height, width = size
    moved = (points - window[:2]) * (np.array([width, height]) / window[2:])
    if flip:
        moved[..., 0] = width - moved[..., 0]
    return moved.astype(np.result_type(points.dtype, np.float32))


def _boxes(
    boxes: NDArray[Any],
    window: NDArray[np.float64],
    flip: bool,
    size: tuple[int, int],
    format: str,
    clip: bool,
) -> NDArray[Any]:
    corners = _to_corners(boxes.astype(np.float64), format)
    ends = _points(corners.reshape(*boxes.shape[:-1], 2, 2), window, flip, size)
    if flip:  # left and right have changed places
        ends[..., 0] = ends[..., ::-1, 0]
    if clip:
        ends = np.clip(ends, 0, np.array(size[::-1]))
    moved = _from_corners(ends.reshape(boxes.shape), format)
    return moved.astype(np.result_type(boxes.dtype, np.float32))


def _to_corners(boxes: NDArray[np.float64], format: str) -> NDArray[np.float64]:
    first, second = boxes[..., :2], boxes[..., 2:]
    if format == "xyxy":
        return boxes
    low = first if format == "xywh" else first - second / 2
    return np.concatenate([low, low + second], axis=-1)


def _from_corners(corners: NDArray[np.float64], format: str) -> NDArray[np.float64]:
    low, high = corners[..., :2], corners[..., 2:]
    if format == "xyxy":
        return corners
    return np.concatenate([low if format == "xywh" else (low + high) / 2, high - low], axis=-1)


def _masks(
    masks: NDArray[Any], window: NDArray[np.float64], flip: bool, size: tuple[int, int]
) -> NDArray[Any]:
    left, top, width, height = window.tolist()
    beyond = (left + width - masks.shape[-1], top + height - masks.shape[-2], -left, -top)
    if max(beyond) > _ROUNDING:
        raise UsageError(
            f"expected the shape of the source (…, height, width), found {masks.shape} and a "
            f"window of {width:g} × {height:g} pixels at {left:g}, {top:g}",
            "masks",
        )
    rows = _nearest(top, height, size[0], masks.shape[-2])
    columns = _nearest(left, width, size[1], masks.shape[-1])
    if flip:
        columns = columns[::-1]
    return np.ascontiguousarray(masks[..., rows[:, None], columns])


def _nearest(low: float, extent: float, outputs: int, pixels: int) -> NDArray[np.int64]:
    """The pixel of the source that each pixel of an output shows, as PyTorch finds it.

    Its "nearest" multiplies in float32 and rounds down (UpSample.h, nearest_idx). A window of whole
    pixels is cut out first and then resized; any other one is cut out of the resized image.
    """
    numbers = np.arange(outputs)
    if low == int(low) and extent == int(extent):
        return int(low) + _floor(numbers, extent, outputs)
    per_output = extent / outputs
    corner = low / per_output
    first = round(corner) if abs(corner - round(corner)) < _ROUNDING else corner
    return np.clip(_floor(numbers + first, pixels, round(pixels / per_output)), 0, pixels - 1)


def _floor(numbers: NDArray[Any], pixels: float, outputs: int) -> NDArray[np.int64]:
    scale = np.float32(pixels) / np.float32(outputs)
    return np.minimum(numbers.astype(np.float32) * scale, pixels - 1).astype(np.int64)


def _array(values: Any) -> NDArray[Any]:
    """An array, or a tensor of any device, as an array."""
    return values.detach().cpu().numpy() if _is_tensor(values) else np.asarray(values)


def _like(original: Any, result: NDArray[Any]) -> Any:
    """A tensor of the same device where there was one."""
    if not _is_tensor(original):
        return result
    return sys.modules["torch"].from_numpy(result).to(original.device)


def _stacked(results: list[Any]) -> Any:
    return sys.modules["torch"].stack(results) if _is_tensor(results[0]) else np.stack(results)


def _is_tensor(values: Any) -> bool:
    torch = sys.modules.get("torch")  # not imported for those who have no tensors
    return torch is not None and isinstance(values, torch.Tensor)


def _pair(size: Size) -> tuple[int, int]:
    height, width = size if isinstance(size, tuple | list) else (size, size)
    check_numbers(2, size=(height, width))
    check_at_least(1, size=min(height, width))
    return height, width
