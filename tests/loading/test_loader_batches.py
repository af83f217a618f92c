"""The forms of Loader's batches: types, layouts, memory."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from helpers.loaders import drain, numpy_loader

from pcr.loading.loader import Loader
from pcr.loading.transforms import TrainTransform


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
def test_types_and_layouts(loader_root: Path, dtype: str, layout: str) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    options = {"transform": TrainTransform(16), "seed": 1, "num_threads": 1, "layout": layout}
    images, _ = next(iter(Loader(loader_root, 8, dtype=getattr(torch, dtype), **options)))
    reference, _ = next(iter(Loader(loader_root, 8, **{**options, "layout": "NCHW"})))
    order = torch.channels_last if layout == "NHWC" else torch.contiguous_format
    assert images.shape == (8, 3, 16, 16) and images.is_contiguous(memory_format=order)
    assert images.dtype == getattr(torch, dtype)
    if dtype == "uint8":
        mean, std = (
            torch.tensor(v)[:, None, None] for v in (TrainTransform().mean, TrainTransform().std)
        )
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
