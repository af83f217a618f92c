"""Batches that say more of their images than labels: columns, numbers, windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import records
from helpers.column_samples import COLUMNS, NAMES, make_dataset
from helpers.loaders import SMALL, numpy_loader
from helpers.servers import WebServer

from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.imagefolder import ImageFolder
from pcr.loading.decode_options import DecodeOptions
from pcr.loading.image_files import FileIterator
from pcr.loading.iterator import PCRIterator
from pcr.loading.loader import Loader, TensorLoader

VALUES = {column.name: values for column, values in COLUMNS.items()}
IMAGES = 8


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("columns") / "d")


def rows(loader: Any) -> dict[int, dict[str, Any]]:
    """What a loader says of each image, by its number."""
    return {
        int(batch["index"][i]): {name: values[i] for name, values in batch.items()}
        for batch in loader
        for i in range(len(batch["labels"]))
    }


def test_columns_and_numbers_belong_to_their_images(dataset: Dataset) -> None:
    loader = numpy_loader(dataset.root, 3, columns=[*NAMES, "name"], return_index=True, seed=3)
    plain = [image for images, _ in numpy_loader(dataset.root, 3, seed=3) for image in images]
    found = rows(loader)
    assert sorted(found) == list(range(IMAGES)) != list(found)
    names = [i.name for record in dataset.records for i in record.info().images]
    for (number, row), image in zip(found.items(), plain, strict=True):
        assert row["name"] == names[number]
        assert dataset.classes[row["labels"]] == names[number].split("/")[0]
        assert np.array_equal(row["images"], image)
        for name in NAMES:
            assert np.array_equal(row[name], VALUES[name][number]), name
    assert list(found[0]) == ["images", "labels", *NAMES, "name", "index"]


def test_without_them_a_batch_is_a_pair(dataset: Dataset) -> None:
    images, labels = next(iter(numpy_loader(dataset.root, 3)))
    assert len(images) == len(labels) == 3


def test_values_are_tensors_under_torch(dataset: Dataset) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    loader = Loader(dataset.root, 4, columns=NAMES, return_index=True, return_crop=True)
    batch = next(iter(loader))
    shapes = {n: tuple(v.shape) for n, v in batch.items() if isinstance(v, torch.Tensor)}
    assert shapes == {
        "images": (4, 3, 224, 224), "labels": (4,), "weight": (4,), "embedding": (4, 600),
        "index": (4,), "window": (4, 4), "flip": (4,), "size": (4, 2),
    }  # fmt: skip
    assert batch["flip"].dtype == torch.bool and batch["embedding"].dtype == torch.float64
    assert all(isinstance(box, torch.Tensor) and box.shape[1] == 4 for box in batch["boxes"])
    assert all(isinstance(text, str) for text in batch["caption"])


def test_windows_are_those_that_pixels_come_from(dataset: Dataset) -> None:
    loader = numpy_loader(dataset.root, 4, return_crop=True, return_index=True)
    sizes = [(i.height, i.width) for record in dataset.records for i in record.info().images]
    for number, row in rows(loader).items():
        left, top, width, height = row["window"]
        assert tuple(row["size"]) == sizes[number]
        assert 0 <= left <= left + width <= sizes[number][1]
        assert 0 <= top <= top + height <= sizes[number][0]
    flips = np.concatenate([batch["flip"] for batch in loader])
    assert 0 < flips.sum() < IMAGES


def test_whole_images_have_whole_windows(dataset: Dataset) -> None:
    for batch in numpy_loader(dataset.root, 4, transform=None, layout="NHWC", return_crop=True):
        for image, window, size in zip(
            batch["images"], batch["window"], batch["size"], strict=True
        ):
            assert image.shape == (*size, 3)
            assert window.tolist() == [0, 0, size[1], size[0]]
        assert not batch["flip"].any()


@pytest.mark.parametrize("output", ["numpy", "torch"])
@pytest.mark.parametrize(("layout", "channels"), [("NCHW", 0), ("NHWC", 2)])
def test_whole_images_have_the_shape_that_the_layout_names(
    dataset: Dataset, output: str, layout: str, channels: int
) -> None:
    if output == "torch":
        pytest.importorskip("torch", reason="of the extra 'train'")
    images, _ = next(iter(Loader(dataset.root, 4, transform=None, layout=layout, output=output)))  # type: ignore[arg-type]
    assert all(image.shape[channels] == 3 and len(image.shape) == 3 for image in images)


def test_a_stand_in_comes_with_all_that_is_its_own(tmp_path: Path) -> None:
    sources = records.sources(6)
    column = {next(c for c in COLUMNS if c.name == "caption"): [f"image {i}" for i in range(6)]}
    root = records.make_dataset_of(tmp_path / "d", [sources], columns=column).root
    options: dict[str, Any] = {"columns": ["caption"], "return_index": True, "return_crop": True}
    loader = numpy_loader(root, 3, max_pixels=42 * 32, on_error="skip", **options)
    good = {i for i in range(6) if (40 + i) * (30 + i) <= 42 * 32}
    whole = rows(numpy_loader(root, 3, **options))
    with pytest.warns(UserWarning, match="another image takes its place"):
        batches = list(loader)
    assert loader.skipped == 6 - len(good) > 0
    for batch in batches:
        for i, number in enumerate(batch["index"].tolist()):
            assert number in good
            for name in batch:
                assert np.array_equal(batch[name][i], whole[number][name]), name


def test_values_of_a_batch_are_its_own(dataset: Dataset, tmp_path: Path) -> None:
    """A user's changes reach neither other batches nor the images that another stands in for."""
    column = next(column for column in COLUMNS if column.name == "boxes")
    boxes = {column: [np.full((1, 4), i) for i in range(3)]}
    root = records.make_dataset(tmp_path / "d", (3,), columns=boxes).root
    options: dict[str, Any] = {"columns": ["boxes"], "on_error": "skip", "shuffle": False}
    with pytest.warns(UserWarning, match="another image takes its place"):
        (batch,) = numpy_loader(root, 3, max_pixels=1200, **options)
    for values in batch["boxes"]:
        values += 1
        assert values.base is None
    assert [values.max() for values in batch["boxes"]] == [1, 1, 1]


def test_an_epoch_resumes_with_its_columns(dataset: Dataset) -> None:
    options: dict[str, Any] = {"columns": ["caption"], "return_index": True}
    whole = [batch["caption"] for batch in numpy_loader(dataset.root, 3, **options)]
    loader = numpy_loader(dataset.root, 3, **options)
    first = next(iter(loader))["caption"]
    resumed = numpy_loader(dataset.root, 3, **options)
    resumed.load_state_dict(loader.state_dict())
    assert [first, *(batch["caption"] for batch in resumed)] == whole


def test_jpegs_come_with_columns_too(dataset: Dataset) -> None:
    for batch in PCRIterator(dataset.root, 3, columns=["caption", "weight"]):
        assert list(batch) == ["images", "labels", "caption", "weight"]
        assert len(batch["images"]) == len(batch["caption"]) == len(batch["weight"])


def test_a_rank_without_images_has_empty_columns(dataset: Dataset) -> None:
    options: dict[str, Any] = {"columns": NAMES, "return_crop": True, "world_size": IMAGES + 1}
    batches = [
        next(iter(numpy_loader(dataset.root, 1, rank=rank, **options)))
        for rank in range(IMAGES + 1)
    ]
    (empty,) = [batch for batch in batches if not len(batch["labels"])]
    assert {name: len(values) for name, values in empty.items()} == dict.fromkeys(batches[0], 0)
    assert empty["embedding"].shape == (0, 600) and empty["window"].shape == (0, 4)


def test_columns_that_do_not_exist_are_refused(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"columns: expected some of weight, .*, found 'x'"):
        numpy_loader(dataset.root, 3, columns=["x"])


def test_files_have_numbers_and_windows(photos: Path) -> None:
    folder = ImageFolder.scan(photos)
    options = DecodeOptions(transform=SMALL, output="numpy", return_index=True, return_crop=True)
    found = rows(TensorLoader(FileIterator(folder, 4, only_jpegs=True), options))
    assert [folder.samples[number].label for number in found] == [
        row["labels"] for row in found.values()
    ]


def test_bytes_read_count_the_files_beside(dataset: Dataset, web: tuple[WebServer, Path]) -> None:
    make_dataset(web[1] / "named")
    web[0].served()
    loader = numpy_loader(f"{web[0].url}/named", 3, n_scans=2, columns=["embedding"])  # type: ignore[arg-type]
    assert sum(len(batch["embedding"]) for batch in loader) == IMAGES
    requests = [r for r in web[0].served() if r.path.rpartition("/")[2] != "PCR.db"]
    assert loader.source.bytes_read == sum(request.body_bytes for request in requests)
    assert len(requests) == 4
