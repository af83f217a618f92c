"""Fixtures that several test files share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers import jpegs, records
from helpers.conversions import make_folder as make_jpeg_folder
from helpers.loaders import SIZES
from helpers.servers import WebServer, object_store, use_object_store, web_server
from helpers.toy_data import TRAIN_IMAGES, VAL_IMAGES, make_folder, make_pcr
from hypothesis import settings

from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset.reader import Dataset
from pcr.ladder import Ladder

settings.register_profile("untimed", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=10_000)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is tested of NVIDIA DALI where it, an extra, is not installed."""
    if find_spec("nvidia") and find_spec("nvidia.dali"):
        return
    skip = pytest.mark.skip(reason="needs NVIDIA DALI, the extra dali-cuda12 or dali-cuda13")
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if parameters.get("loader") == "dali":
            item.add_marker(skip)


@pytest.fixture(params=list(jpegs.GOOD))
def good_jpeg(request: pytest.FixtureRequest) -> bytes:
    """A JPEG of each kind that can be transcoded."""
    return jpegs.GOOD[request.param]()


@pytest.fixture(params=["standard", "luma"])
def ladder(request: pytest.FixtureRequest) -> Ladder:
    """Each ladder that the paper or this project measured."""
    return Ladder.load(request.param)


@pytest.fixture(scope="session")
def training_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train` and `val`, ImageFolders of two classes, and `pcr`, a dataset made of the first."""
    root = tmp_path_factory.mktemp("training")
    make_folder(root / "train", TRAIN_IMAGES // 2)
    make_folder(root / "val", VAL_IMAGES // 2, seed=1)
    make_pcr(root / "train", root / "pcr")
    return root


@pytest.fixture(scope="session")
def loader_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of several small records; loaders.SIZES are their numbers of images."""
    return records.make_dataset(tmp_path_factory.mktemp("loader"), SIZES).root


@pytest.fixture
def damaged_root(tmp_path: Path) -> Path:
    """A dataset of which two images have no Huffman tables."""
    dataset = records.make_dataset(tmp_path / "d", (6, 6))
    path = dataset.records[1].path
    data = path.read_bytes()
    record = dataset.records[1].read(1)
    for image in (1, 4):
        head = record[image].tobytes()
        start, _ = jpegs.find(head, 0xC2)
        data = data.replace(head[start:][:40], head[start : start + 4] + bytes(36))
    path.write_bytes(data)
    return dataset.root


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small models gain nothing from threads that wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ImageFolder of small JPEGs, one of them with an EXIF orientation."""
    root = make_jpeg_folder(tmp_path_factory.mktemp("photos"), {"cat": 9, "dog": 9})
    (root / "dog" / "turned.jpeg").write_bytes(jpegs.encode(jpegs.photo(), exif=jpegs.exif(6)))
    return root


@pytest.fixture(scope="session")
def converted(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset made of ``photos``: three records. Tests leave it as it is."""
    out = tmp_path_factory.mktemp("converted") / "out"
    convert(photos, out, ConversionOptions(images_per_record=8), progress=False)
    return out


@pytest.fixture
def dataset(converted: Path, tmp_path: Path) -> Path:
    """A copy of ``converted`` to damage."""
    return Path(shutil.copytree(converted, tmp_path / "dataset"))


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of an S3."""
    with object_store() as endpoint:
        yield endpoint


@pytest.fixture
def s3_environment(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The variables are set that let clients of S3 find it; its endpoint."""
    use_object_store(monkeypatch, s3)
    return s3


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebServer, Path]]:
    """An nginx, and the folder that it serves."""
    files = tmp_path_factory.mktemp("files")
    with web_server(files, tmp_path_factory.mktemp("nginx")) as server:
        yield server, files


@pytest.fixture(scope="session")
def served(web: tuple[WebServer, Path], loader_root: Path) -> tuple[WebServer, str, Dataset]:
    """A dataset on a web server: the server, its URL, and the same on disk."""
    shutil.copytree(loader_root, web[1] / "dataset")
    return web[0], f"{web[0].url}/dataset", Dataset(loader_root)
