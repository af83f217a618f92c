"""Datasets for torch's DataLoader, beside torchvision's ImageFolder and under other libraries."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import column_samples, jpegs, records
from helpers.servers import web_server
from PIL import Image

from pcr.conversion.run import convert
from pcr.dataset.reader import Dataset
from pcr.errors import FormatError, UsageError
from pcr.tools.image_export import export

torch = pytest.importorskip("torch", reason="of the extra 'train'")
datasets = pytest.importorskip("torchvision.datasets")

import torch.utils.data as torch_data  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from pcr.torch import IterableDataset, MapDataset, RecordSampler  # noqa: E402

SIZES = (7, 5, 9, 2)
IMAGES = sum(SIZES)
TENSOR = v2.Compose([v2.PILToTensor(), v2.CenterCrop(24)])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return records.make_dataset(tmp_path_factory.mktemp("torch") / "pcr", SIZES)


def test_samples_are_those_of_torchvision(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / "in" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpegs.encode(jpegs.photo(64 + number, 48)))
    convert(tmp_path / "in", tmp_path / "pcr", progress=False)
    ours = MapDataset(tmp_path / "pcr", target_transform=lambda label: label + 10)
    theirs = datasets.ImageFolder(tmp_path / "in")
    assert (ours.classes, ours.class_to_idx) == (theirs.classes, theirs.class_to_idx)
    assert sorted(ours.samples) == [
        (str(Path(path).relative_to(tmp_path / "in")), label) for path, label in theirs.samples
    ]
    for (image, label), (name, target) in zip(ours, ours.samples, strict=False):
        with Image.open(tmp_path / "in" / name) as expected:
            assert np.array_equal(np.asarray(image), np.asarray(expected.convert("RGB")))
        assert label == target + 10
    export(tmp_path / "pcr", tmp_path / "out", 2, progress=False)
    low = MapDataset(tmp_path / "pcr", 2, decode=bytes)
    for number, (name, _) in enumerate(low.samples):
        assert low[number][0] == (tmp_path / "out" / name).read_bytes()


def test_columns_make_a_sample_a_dictionary(tmp_path: Path) -> None:
    dataset = column_samples.make_dataset(tmp_path)
    samples = MapDataset(dataset, columns=["caption", "boxes"])
    assert samples[2].keys() == {"image", "label", "caption", "boxes"}
    assert samples[2]["caption"] == dataset[2].column("caption")
    with pytest.raises(UsageError, match="columns: expected some of"):
        MapDataset(dataset, columns=["captions"])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_and_batched_access(dataset: Dataset, context: str) -> None:
    loader = torch_data.DataLoader(
        MapDataset(dataset, 3, transform=TENSOR),
        batch_size=4,
        sampler=RecordSampler(dataset, seed=2),
        num_workers=2,
        multiprocessing_context=context,
    )
    labels = [label for _, batch in loader for label in batch.tolist()]
    assert Counter(labels) == Counter(dataset.labels.tolist())


def test_a_copy_is_small_and_reads_the_same(dataset: Dataset) -> None:
    samples = MapDataset(dataset, transform=TENSOR)
    assert samples.targets and samples.samples
    copy = pickle.loads(pickle.dumps(samples))
    assert torch.equal(copy[3][0], samples[3][0])
    assert samples.__getitems__([3, 1])[1][1] == samples[1][1]


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_from_a_server(dataset: Dataset, tmp_path: Path, workers: int) -> None:
    expected = MapDataset(dataset, 3, decode=bytes)
    with web_server(dataset.root, tmp_path) as server:
        samples = MapDataset(server.url, 3, decode=bytes)
        assert samples.__getitems__([20, 3]) == [expected[20], expected[3]]  # starts threads
        loader = torch_data.DataLoader(samples, 8, collate_fn=list, num_workers=workers)
        assert [sample for batch in loader for sample in batch] == list(expected)


def test_an_image_that_can_not_be_decoded_is_named(damaged_root: Path) -> None:
    samples = MapDataset(damaged_root)
    for data in (samples, IterableDataset(damaged_root, verify_checksums=False)):
        with pytest.raises(FormatError, match=r"PCR_1\.db: image \w+/\d+\.jpg: "):
            list(data)


@pytest.mark.parametrize("world_size", [1, 2, 3, 30])
@pytest.mark.parametrize("drop_last", [False, True])
def test_each_position_comes_once(dataset: Dataset, world_size: int, drop_last: bool) -> None:
    def drawn(epoch: int) -> list[list[int]]:
        samplers = [
            RecordSampler(dataset, drop_last=drop_last, rank=rank, world_size=world_size)
            for rank in range(world_size)
        ]
        for sampler in samplers:
            sampler.set_epoch(epoch)
        shares = [list(sampler) for sampler in samplers]
        assert [len(share) for share in shares] == [len(sampler) for sampler in samplers]
        assert len(set(map(len, shares))) == 1
        return shares

    shares = drawn(1)
    positions = Counter(position for share in shares for position in share)
    if drop_last:
        assert set(positions.values()) <= {1}
    else:
        assert set(positions) == set(range(IMAGES))
        assert positions.total() - IMAGES < world_size
    assert shares == drawn(1)
    assert world_size == 30 or shares != drawn(2)


def test_neighbours_in_the_order_share_records(dataset: Dataset) -> None:
    sampler = RecordSampler(dataset, shuffle_buffer_records=1)
    first = np.cumsum([0, *SIZES])
    record_of = [int(np.searchsorted(first, position, side="right")) for position in sampler]
    assert sum(a != b for a, b in itertools.pairwise(record_of)) == len(SIZES) - 1
    ordered = RecordSampler(dataset, shuffle=False)
    assert list(ordered) == list(range(IMAGES))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_has_each_image_once(dataset: Dataset, workers: int) -> None:
    stream = IterableDataset(dataset, 2, transform=TENSOR, seed=1)
    loader = torch_data.DataLoader(stream, batch_size=4, num_workers=workers)
    labels = [label for _, batch in loader for label in batch.tolist()]
    assert Counter(labels) == Counter(dataset.labels.tolist())
    assert len(stream) == IMAGES and stream.classes == list(dataset.classes)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["map", "stream"])
def test_torchdata_resumes_in_mid_epoch(dataset: Dataset, workers: int, kind: str) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader")

    def loader() -> Any:
        if kind == "map":
            data: Any = MapDataset(dataset, transform=TENSOR)
            sampler = RecordSampler(dataset, seed=5)
        else:
            data, sampler = IterableDataset(dataset, transform=TENSOR, seed=5), None
        return stateful.StatefulDataLoader(data, 4, sampler=sampler, num_workers=workers)

    expected = [images for images, _ in loader()]
    stopped = loader()
    batches = iter(stopped)
    taken = [next(batches)[0] for _ in range(2)]
    resumed = loader()
    resumed.load_state_dict(stopped.state_dict())
    rest = [images for images, _ in resumed]
    for ours, theirs in zip([*taken, *rest], expected, strict=True):
        assert torch.equal(ours, theirs)


def test_accelerate_divides_the_order_of_all_ranks(dataset: Dataset) -> None:
    accelerate = pytest.importorskip("accelerate.data_loader")

    def labels(rank: int) -> list[int]:
        sampler = RecordSampler(dataset, rank=0, world_size=1)
        loader = torch_data.DataLoader(MapDataset(dataset, transform=TENSOR), 4, sampler=sampler)
        prepared = accelerate.prepare_data_loader(
            loader, num_processes=2, process_index=rank, even_batches=False
        )
        return [label for _, batch in prepared for label in batch.tolist()]

    assert Counter(labels(0) + labels(1)) == Counter(dataset.labels.tolist())


def test_timm_loads_it_as_an_image_folder(dataset: Dataset) -> None:
    timm = pytest.importorskip("timm.data")
    loader = timm.create_loader(
        MapDataset(dataset),
        input_size=(3, 32, 32),
        batch_size=6,
        is_training=True,
        num_workers=1,
        use_prefetcher=False,
    )
    shapes = [tuple(images.shape[1:]) for images, _ in loader]
    assert set(shapes) == {(3, 32, 32)} and len(shapes) == IMAGES // 6
