"""The forms of Loader's batches: types, layouts, memory."""

from __future__ import annotations

import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.loaders import drain, numpy_loader

from pcr.loading.buffers import ArrayPool
from pcr.loading.loader import Loader
from pcr.loading.windows import TrainTransform


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "channels_last"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
def test_types_and_layouts(loader_root: Path, dtype: str, layout: str) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    options = {"transform": TrainTransform(16), "seed": 1, "num_threads": 1, "layout": layout}
    images, _ = next(iter(Loader(loader_root, 8, dtype=getattr(torch, dtype), **options)))
    reference, _ = next(iter(Loader(loader_root, 8, **{**options, "layout": "NCHW"})))
    order = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    assert images.shape == ((8, 16, 16, 3) if layout == "NHWC" else (8, 3, 16, 16))
    assert images.is_contiguous(memory_format=order)
    assert images.dtype == getattr(torch, dtype)
    if layout == "NHWC":
        reference = reference.permute(0, 2, 3, 1)
    if dtype == "uint8":
        mean, std = (
            torch.tensor(v)[:, None, None] for v in (TrainTransform().mean, TrainTransform().std)
        )
        if layout == "NHWC":
            mean, std = mean.flatten(), std.flatten()
        pixels = (reference * std + mean) * 255
        assert (images - pixels).abs().max() <= 0.5001
    else:
        assert torch.equal(images, reference.to(images.dtype))
    if dtype != "bfloat16":
        arrays, _ = next(iter(Loader(loader_root, 8, dtype=dtype, output="numpy", **options)))
        assert arrays.dtype == dtype and (arrays == images.numpy()).all()


def test_a_batch_stays_as_it_is_while_it_is_held(loader_root: Path) -> None:
    loader = numpy_loader(loader_root, 4, prefetch_batches=1)
    held = [(images[:1], images.copy()) for images, _ in loader]
    drain(loader)
    assert all((view == copy[:1]).all() for view, copy in held)


def test_counts_of_references_say_nothing(
    loader_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPython 3.14 borrows references, free-threaded builds count them in two places."""
    monkeypatch.setattr(sys, "getrefcount", lambda _: 3)
    test_a_batch_stays_as_it_is_while_it_is_held(loader_root)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "the batch": lambda images: images,
    "an image": lambda images: images[0],
    "a view of another type": lambda images: images.view("uint32")[..., ::-1],
    "a memory view": memoryview,
    "a tensor": lambda images: pytest.importorskip("torch").from_numpy(images),
    "a tensor's view": lambda images: pytest.importorskip("torch").from_numpy(images)[0].flatten(),
    "a tensor's array": lambda images: pytest.importorskip("torch").from_numpy(images).numpy(),
    "an array by DLPack": np.from_dlpack,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_memory_returns_with_the_last_view(view: Callable[[Any], Any]) -> None:
    pool = ArrayPool((2, 3, 4, 4), np.float32, keep=2)
    array = pool.take()
    address = array.ctypes.data
    held = view(array)
    del array
    assert pool.take().ctypes.data != address
    del held
    assert pool.take().ctypes.data == address


@pytest.mark.parametrize("keep", [0, 2])
def test_a_pool_keeps_no_more_than_it_may(keep: int) -> None:
    pool = ArrayPool((4,), np.uint8, keep)
    held = [pool.take() for _ in range(5)]
    owners = [weakref.ref(array.base) for array in held]
    del held
    assert not any(owner() for owner in owners)
    assert len(pool) == keep


def test_buffers_are_used_again(loader_root: Path) -> None:
    addresses = Counter(
        images.__array_interface__["data"][0] for images, _ in numpy_loader(loader_root, 2)
    )
    assert len(addresses) <= 5 < sum(addresses.values())


def test_no_torch_in_numpy_mode(loader_root: Path) -> None:
    code = f"""
import sys
from pcr.loading.loader import Loader
(batch, *_) = Loader({str(loader_root)!r}, 8, output="numpy")
assert batch[0].shape == (8, 3, 224, 224) and "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
