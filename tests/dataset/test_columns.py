"""Columns of a dataset: what is written is what is read, from a disk and from a server."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import records
from helpers.column_samples import (
    BESIDE,
    COLUMNS,
    NAMES,
    SIZES,
    WITHIN,
    assert_values,
    make_dataset,
)
from helpers.servers import WebServer

from pcr.dataset import layout
from pcr.dataset.columns import Column
from pcr.dataset.reader import Dataset
from pcr.errors import FormatError, UsageError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("columns"))


def test_the_index_knows_names_types_and_places(dataset: Dataset) -> None:
    assert list(dataset.columns.values()) == list(COLUMNS)
    assert (WITHIN, BESIDE) == (
        ["weight", "caption", "boxes", "facts", "mask"],
        ["original", "embedding"],
    )
    assert str(dataset.columns["boxes"]) == "boxes: float32[?,4]"
    files = sorted(path.name for path in dataset.root.iterdir())
    assert files == sorted(
        [
            "PCR.db",
            *(f"PCR_{i}.db" for i in (0, 1)),
            *(f"PCR_{i}.{name}.db" for i in (0, 1) for name in BESIDE),
        ]
    )


@pytest.mark.parametrize("names", [NAMES, ["name", "embedding", "label", "facts"], ["label"], []])
def test_columns_are_read_alone_and_beside_images(dataset: Dataset, names: list[str]) -> None:
    first = 0
    for record in dataset.records:
        images = record.read(2, columns=names)
        assert np.array_equal(images.data, record.read(2).data)
        for values in (images.columns, record.columns(names), record.read(columns=names).columns):
            assert list(values) == names
            for name in set(names) - {"label", "name"}:
                assert len(values[name]) == record.images
                assert_values(values[name], name, first)
            if "name" in names:
                assert values["name"] == [image.name for image in record.info().images]
            if "label" in names:
                assert values["label"].dtype == np.int64  # type: ignore[union-attr]
                assert np.array_equal(values["label"], images.labels)
        first += record.images


def test_values_of_one_size_are_one_array(dataset: Dataset) -> None:
    found = dataset.records[0].columns(NAMES)
    arrays = {
        name: (value.dtype.name, value.shape)
        for name, value in found.items()
        if isinstance(value, np.ndarray)
    }
    assert arrays == {"weight": ("float32", (5,)), "embedding": ("float64", (5, 600))}
    boxes, masks = found["boxes"], found["mask"]
    assert [box.shape for box in boxes] == [(0, 4), (1, 4), (2, 4), (0, 4), (1, 4)]
    assert [(mask.dtype.name, mask.shape) for mask in masks][:2] == [
        ("uint8", (0, 8)),
        ("uint8", (1, 7)),
    ]
    assert boxes[1].flags.writeable and boxes[1].flags.aligned


@pytest.mark.parametrize("names", [["nothing"], ["caption", "Caption"], "caption"])
def test_columns_that_do_not_exist_are_refused(dataset: Dataset, names: list[str]) -> None:
    for read in (
        dataset.records[0].columns,
        lambda names: dataset.records[0].read(1, columns=names),
    ):
        with pytest.raises(UsageError, match="columns: expected") as refused:
            read(names)
        assert refused.value.parameter == "columns"


def test_a_prefix_grows_by_the_columns_bytes_and_a_page_each(
    dataset: Dataset, tmp_path: Path
) -> None:
    plain = records.make_dataset(tmp_path / "plain", SIZES)
    for ours, theirs in zip(dataset.records, plain.records, strict=True):
        within = [index for index in ours.column_indexes if not index.column.beside]
        added = sum(index.value_bytes[ours.number] for index in within)
        page = layout.page_bytes(sum(ours.entry.group_bytes) + added, WITHIN)
        assert ours.prefix_bytes[0] == theirs.prefix_bytes[0]
        for level in range(1, ours.levels + 1):
            growth = ours.prefix_bytes[level] - theirs.prefix_bytes[level]
            assert growth <= added + page * len(within)


@pytest.mark.parametrize("columns", [40, 300])
def test_many_columns_get_a_first_page_that_names_them(
    web: tuple[WebServer, Path], columns: int
) -> None:
    values = {Column.of(f"column_{i}", "int64"): [i, -i] for i in range(columns)}
    root = records.make_dataset(web[1] / f"{columns}", (2,), columns=values).root
    last = f"column_{columns - 1}"
    remote = Dataset(f"{web[0].url}/{columns}").records[0]
    assert remote.columns([last])[last] == pytest.approx([columns - 1, 1 - columns])
    assert remote.read(2).data.tobytes() == Dataset(root).records[0].read(2).data.tobytes()


def test_more_columns_than_a_page_can_name_are_refused(tmp_path: Path) -> None:
    values = {Column.of(f"column_{i}", "bool"): [True] for i in range(900)}
    with pytest.raises(FormatError, match="store some of them beside the records"):
        records.make_dataset(tmp_path / "d", (1,), columns=values)
    assert not list((tmp_path / "d").iterdir())


def test_images_cost_the_same_with_columns_that_are_not_asked_for(dataset: Dataset) -> None:
    """No file beside a record is opened for its images."""
    for path in dataset.root.glob("PCR_?.*.db"):
        path.rename(path.with_suffix(".away"))
    try:
        assert len(dataset.records[0].read(3, columns=WITHIN)) == 5
        with pytest.raises(FormatError, match=r"PCR_0\.original\.db: expected a"):
            dataset.records[0].columns(["original"])
    finally:
        for path in dataset.root.glob("*.away"):
            path.rename(path.with_suffix(".db"))


def test_a_server_is_asked_for_the_same_prefix_and_each_file_beside(
    dataset: Dataset, web: tuple[WebServer, Path]
) -> None:
    server, folder = web
    shutil.copytree(dataset.root, folder / "columns")
    remote = Dataset(f"{server.url}/columns")
    server.served()
    record = remote.records[1]
    images = record.read(2, columns=["caption", "name"])
    (request,) = server.served()
    assert request.body_bytes == record.prefix_bytes[2]
    assert_values(images.columns["caption"], "caption", 5)
    record.columns(["weight"])
    (request,) = server.served()
    assert request.body_bytes == record.column_indexes[0].prefix_bytes[1]
    assert record.prefix_bytes[0] < request.body_bytes < record.prefix_bytes[1]
    found = record.columns(NAMES)
    assert [request.path.rpartition("/")[2] for request in server.served()] == [
        "PCR_1.db",
        "PCR_1.original.db",
        "PCR_1.embedding.db",
    ]
    for name in NAMES:
        assert_values(found[name], name, 5)
