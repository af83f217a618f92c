"""Loader's epochs: order, ranks, resuming, levels."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import records
from helpers.loaders import SIZES, drain, numpy_loader

from pcr.errors import UsageError


def test_an_epoch_has_every_image_once(loader_root: Path) -> None:
    loader = numpy_loader(loader_root, transform=None, seed=1)
    drawn = Counter(drain(loader))
    in_order = Counter(drain(numpy_loader(loader_root, transform=None, shuffle=False)))
    assert drawn == in_order and sum(drawn.values()) == sum(SIZES)
    assert len(loader) == 4


def test_pixels_depend_on_seed_epoch_and_image_alone(loader_root: Path) -> None:
    first = drain(numpy_loader(loader_root, 8, seed=1, num_threads=1))
    others = (
        numpy_loader(loader_root, 5, seed=1, num_threads=3, prefetch_batches=4),
        numpy_loader(loader_root, 8, seed=1, shuffle_buffer_records=1),
        numpy_loader(loader_root, 8, seed=1, shuffle=False),
    )
    assert drain(others[0]) == first
    for loader in others[1:]:
        assert sorted(drain(loader)) == sorted(first)
    assert Counter(drain(numpy_loader(loader_root, 8, seed=2))) != Counter(first)


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_share_an_epoch(loader_root: Path, world_size: int) -> None:
    loaders = [
        numpy_loader(loader_root, 4, rank=r, world_size=world_size) for r in range(world_size)
    ]
    shares = [image for loader in loaders for image in drain(loader)]
    assert Counter(shares) == Counter(drain(numpy_loader(loader_root, 4)))
    assert len({len(loader) for loader in loaders}) == 1


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_drop_last_leaves_full_batches_only(loader_root: Path, world_size: int) -> None:
    for rank in range(world_size):
        loader = numpy_loader(loader_root, 4, rank=rank, world_size=world_size, drop_last=True)
        sizes = [len(labels) for _, labels in loader]
        assert sizes == [4] * len(loader) and len(loader) == 31 // world_size // 4


def test_a_state_goes_through_json_and_fits_one_order_only(loader_root: Path) -> None:
    loader = numpy_loader(loader_root, 4, n_scans=3)
    state = json.loads(json.dumps(loader.state_dict()))
    with pytest.raises(UsageError, match="seed: expected 1 as here, found 0"):
        numpy_loader(loader_root, 4, seed=1).load_state_dict(state)
    with pytest.raises(UsageError, match="canonical_streams: expected 2 as here, found 1"):
        numpy_loader(loader_root, 4, canonical_streams=2).load_state_dict(state)
    with pytest.raises(UsageError, match="images: expected 31 as here, found None"):
        loader.load_state_dict({})
    old = {name: value for name, value in state.items() if name not in ("lanes", "drawn")}
    with pytest.raises(UsageError, match="state: expected one of this version, found an earlier"):
        loader.load_state_dict(old)
    same = numpy_loader(loader_root, 4)
    same.load_state_dict(state)
    assert same.source.n_scans == 3


def test_a_state_of_another_dataset_of_as_many_images_is_refused(
    loader_root: Path, tmp_path: Path
) -> None:
    images = records.sources(sum(SIZES))[::-1]
    ends = np.cumsum(SIZES).tolist()
    parts = [images[end - size : end] for size, end in zip(SIZES, ends, strict=True)]
    records.make_dataset_of(tmp_path / "other", parts)
    state = numpy_loader(loader_root, 4).state_dict()
    with pytest.raises(UsageError, match=r"checksum: expected [0-9a-f]{16} as here, found "):
        numpy_loader(tmp_path / "other", 4).load_state_dict(state)


def test_n_scans_may_change_between_epochs_and_within_one(loader_root: Path) -> None:
    loader = numpy_loader(loader_root, 8, n_scans=2, transform=None)
    low = drain(loader)
    source = loader.source
    source.n_scans, prefixes = 10, [record.prefix_bytes for record in source.dataset.records]
    assert source.bytes_read == sum(p[2] for p in prefixes)
    loader.set_epoch(0)
    assert drain(loader) != low and source.n_scans == source.levels == 10
    assert source.bytes_read == sum(p[2] + p[10] for p in prefixes)
    options = {"shuffle": False, "concurrent_reads": 1, "prefetch_batches": 1}
    loader = numpy_loader(loader_root, 2, n_scans=10, transform=None, **options)
    mixed = []
    for images, labels in loader:
        mixed += [(i.tobytes(), int(label)) for i, label in zip(images, labels, strict=True)]
        loader.source.n_scans = 1
    high = drain(numpy_loader(loader_root, 2, transform=None, shuffle=False))
    assert mixed[:9] == high[:9] and mixed[-4:] != high[-4:]


def test_what_a_loader_tells(loader_root: Path) -> None:
    loader = numpy_loader(loader_root, rank=1, world_size=2)
    assert loader.source.classes == records.CLASSES
    assert loader.source.num_images == 16 and loader.skipped == 0
    drain(loader)
    source = loader.source
    assert loader.wait_seconds > 0 and source.read_wait_seconds > 0 and source.bytes_read > 0


def test_a_loader_says_what_it_loads(loader_root: Path) -> None:
    told = repr(numpy_loader(loader_root, 4, n_scans=2))
    for words in (str(loader_root), "31 images", "batches of 4", "n_scans=2 of 10", "epoch 0"):
        assert words in told


def test_what_belongs_to_the_source_cannot_be_set_on_the_loader_by_mistake(
    loader_root: Path,
) -> None:
    loader = numpy_loader(loader_root)
    with pytest.raises(AttributeError):
        loader.n_scans = 3
