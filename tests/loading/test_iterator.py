"""PCRIterator: batches of a rank's share, epoch after epoch."""

from __future__ import annotations

import io
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import records
from PIL import Image

from pcr.errors import DatasetError, FormatError, UsageError
from PCR_Iterator import PCRIterator

SIZES = (9, 9, 9, 4)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return records.make_dataset(tmp_path_factory.mktemp("iterator"), SIZES).root


def drain(iterator: PCRIterator) -> list[tuple[bytes, int]]:
    """One epoch's images and labels, in order."""
    return [
        (jpeg.tobytes(), int(label[0]))
        for jpegs, labels in iterator
        for jpeg, label in zip(jpegs, labels, strict=True)
    ]


def test_an_epoch_has_every_image_once(root: Path) -> None:
    with PCRIterator(root, 8, seed=1) as iterator:
        drawn = Counter(drain(iterator))
        everything = [record.read(10) for record in iterator.dataset.records]
    expected = Counter(
        (record[i].tobytes(), int(record.labels[i]))
        for record in everything
        for i in range(len(record))
    )
    assert drawn == expected and sum(drawn.values()) == sum(SIZES)


def test_batches_are_what_dali_takes(root: Path) -> None:
    with PCRIterator(root, 8, 2) as iterator:
        batches = list(iterator)
        assert len(iterator) == len(batches) == 4
    assert [len(jpegs) for jpegs, _ in batches] == [8, 8, 8, 7]
    for jpegs, labels in batches:
        assert all(jpeg.dtype == np.uint8 and jpeg.ndim == 1 for jpeg in jpegs)
        assert all(label.dtype == np.int32 and label.shape == (1,) for label in labels)
        for jpeg in jpegs:
            Image.open(io.BytesIO(jpeg.tobytes())).load()


def test_a_new_order_each_epoch_and_the_same_from_the_same_seed(root: Path) -> None:
    with PCRIterator(root, 8, seed=5) as one, PCRIterator(root, 8, seed=5) as two:
        first, second = drain(one), drain(one)
        assert one.epoch == 2
        assert first == drain(two) and second == drain(two)
        assert first != second and sorted(first) == sorted(second)
        two.set_epoch(0)
        assert drain(two) == first


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_share_the_dataset(root: Path, world_size: int) -> None:
    drawn: Counter[tuple[bytes, int]] = Counter()
    batches = set()
    for rank in range(world_size):
        with PCRIterator(root, 4, rank=rank, world_size=world_size) as iterator:
            share = drain(iterator)
            assert len(share) == iterator.num_images
            batches.add(len(iterator))
            drawn.update(share)
    with PCRIterator(root, 4) as whole:
        assert drawn == Counter(drain(whole))
    assert len(batches) == 1


def test_bytes_read_are_the_prefixes(root: Path) -> None:
    with PCRIterator(root, 8, 3) as iterator:
        drain(iterator)
        prefixes = [record.prefix_bytes[3] for record in iterator.dataset.records]
        assert iterator.bytes_read == sum(prefixes)
        iterator.n_scans = 1
        drain(iterator)
        prefixes += [record.prefix_bytes[1] for record in iterator.dataset.records]
        assert iterator.bytes_read == sum(prefixes)
        assert iterator.read_wait_seconds > 0


def test_n_scans_may_change_within_an_epoch(root: Path) -> None:
    with PCRIterator(root, 2, 10, shuffle_buffer_records=1, concurrent_reads=1) as iterator:
        sizes = []
        for jpegs, _ in iterator:
            sizes += [len(jpeg) for jpeg in jpegs]
            iterator.n_scans = 1
    assert len(sizes) == sum(SIZES) and max(sizes[-4:]) < min(sizes[:4])


def test_no_thread_is_left_behind(root: Path) -> None:
    before = threading.active_count()
    iterator = PCRIterator(root, 2)
    batches = iter(iterator)
    next(batches)
    assert threading.active_count() > before
    iterator.close()
    assert threading.active_count() == before
    for _ in iterator:
        break
    assert threading.active_count() == before
    abandoned = PCRIterator(root, 2)
    next(abandoned)
    assert threading.active_count() > before
    del abandoned
    assert threading.active_count() == before


def test_a_damaged_record_ends_the_epoch_with_its_name(tmp_path: Path) -> None:
    dataset = records.make_dataset(tmp_path / "d", (5, 5))
    damaged, path = dataset.root, dataset.records[1].path
    data = bytearray(path.read_bytes())
    last_group = dataset.records[1].read_groups(10)[10]
    data[data.index(last_group[:100]) + 50] ^= 0x10
    path.write_bytes(data)
    with PCRIterator(damaged, 2) as iterator, pytest.raises(FormatError, match=r"PCR_1\.db"):
        drain(iterator)
    path.write_bytes(data[:-4096])
    with PCRIterator(damaged, 2) as iterator, pytest.raises(FormatError, match=r"PCR_1\.db"):
        drain(iterator)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"n_scans": 11}, "n_scans: expected a level between 1 and 10, found 11"),
        ({"n_scans": 0}, "n_scans: expected a level between 1 and 10, found 0"),
        ({"batch_size": 0}, "batch_size: expected 1 or more"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"shuffle_buffer_records": 0}, "shuffle_buffer_records"),
        ({"concurrent_reads": 0}, "concurrent_reads"),
        ({"rank": 2, "world_size": 2}, "rank: expected 0 to 1, found 2"),
    ],
)
def test_arguments_out_of_range(root: Path, arguments: dict[str, int], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        PCRIterator(root, **{"batch_size": 8, **arguments})


def test_a_directory_without_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a PCR dataset"):
        PCRIterator(tmp_path, 8)
