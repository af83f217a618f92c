"""Tar shards of WebDataset: the images, labels and columns of the folder that they were made of."""

from __future__ import annotations

import io
import shutil
import tarfile
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.conversions import PCR, contents, dataset_bytes, fail, succeed
from helpers.servers import BUCKET, WebServer
from helpers.sources import columns_of, write_tars
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr.conversion.sources.byte_spans import SourceFile
from pcr.conversion.sources.tar_samples import tar_samples
from pcr.dataset.reader import Dataset
from pcr.errors import FormatError
from pcr.storage.local import LocalStore
from pcr.storage.store import open_store

pytest.importorskip("webdataset", reason="of the extra 'dev'")
FLAGS = ("--batch_size", "5", "--quiet")
CAPTIONS = ("boxes", "caption", "score", "meta")


@pytest.fixture(scope="module")
def shards(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Three tar files, of 4, 4 and 3 images."""
    (folder.parent / "shards").mkdir()
    write_tars(folder, rows, str(folder.parent / "shards" / "train-%06d.tar"), per_tar=4)
    return folder.parent / "shards"


@pytest.fixture(scope="module")
def converted(shards: Path) -> Path:
    out = shards.with_name("converted")
    succeed(PCR, "convert", shards / "train-{000000..000002}.tar", out, *FLAGS)
    return out


def test_the_same_images_labels_and_columns(
    folder: Path, rows: list[dict[str, Any]], converted: Path, tmp_path: Path
) -> None:
    succeed(PCR, "convert", folder, tmp_path / "plain", *FLAGS)
    assert contents(converted) == contents(tmp_path / "plain")
    assert Dataset(converted).classes == ("0", "1")  # WebDataset has no names of classes
    assert columns_of(converted) == {
        row["file_name"]: {name: row[name] for name in CAPTIONS} for row in rows
    }
    types = {name: str(column.type) for name, column in Dataset(converted).columns.items()}
    assert types == {"boxes": "float64[?,4]", "caption": "str", "score": "float64", "meta": "json"}


def test_patterns_and_shards(shards: Path, converted: Path, tmp_path: Path) -> None:
    for index in (1, 0):
        out = tmp_path / "out"
        succeed(PCR, "convert", shards / "*.tar", out, *FLAGS, "--shard", f"{index}/2")
    succeed(PCR, "merge", tmp_path / "out")
    assert dataset_bytes(tmp_path / "out") == dataset_bytes(converted)


def test_shards_in_a_bucket_and_on_a_web_server(
    shards: Path, converted: Path, s3_environment: str, web: tuple[WebServer, Path], tmp_path: Path
) -> None:
    url = f"s3://{BUCKET}/{uuid.uuid4()}"
    server, root = web
    for path in shards.iterdir():
        open_store(url).write(path.name, path)
        shutil.copy(path, root)
    for place in (url, server.url):
        succeed(
            PCR, "convert", f"{place}/train-00000{{0..2}}.tar", tmp_path / "out", *FLAGS, "--force"
        )
        assert dataset_bytes(tmp_path / "out") == dataset_bytes(converted)


def test_appending_another_tar(shards: Path, converted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(PCR, "convert", shards / "train-00000{0,1}.tar", out, *FLAGS)
    succeed(PCR, "convert", shards / "train-000002.tar", out, "--append", "--quiet")
    assert sorted(contents(out)) == sorted(contents(converted))
    assert columns_of(out) == columns_of(converted)


def write_tar(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with tarfile.open(path, "w", **options) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def jpeg(folder: Path) -> bytes:
    return (folder / "cat" / "000.jpg").read_bytes()


def test_members_by_their_types(jpeg: bytes, tmp_path: Path) -> None:
    """Also names of other lengths and characters, as other writers of tar files have them."""
    array = io.BytesIO()
    np.save(array, np.arange(3, dtype=np.float32))
    long = "é" * 120
    members = {
        "__header__": b"",
        "__meta__/notes.txt": b"",
        "readme": b"without a dot",
        f"x/{long}/0.JPG": jpeg,
        f"x/{long}/0.cls": b"1",
        f"x/{long}/0.npy": array.getvalue(),
        f"x/{long}/0.seg.png": b"mask",
        f"x/{long}/0.extra.json": b"[1, 2]",
        f"x/{long}/0.index": b"7",
    }
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = write_tar(tmp_path / f"{format}.tar", members, format=format)
        out = tmp_path / f"out{format}"
        succeed(PCR, "convert", path, out, *FLAGS)
        assert Dataset(out).classes == ("0", "1")
        assert columns_of(out) == {
            f"x/{long}/0.JPG": {
                "npy": [0.0, 1.0, 2.0],
                "seg_png": b"mask",
                "extra": [1, 2],
                "index_": 7,
            }
        }


def test_classes_by_folder_and_by_name(jpeg: bytes, tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"./cat/1.jpg": jpeg, "./ant/1.jpg": jpeg})
    succeed(PCR, "convert", path, tmp_path / "a", *FLAGS)
    assert Dataset(tmp_path / "a").classes == ("ant", "cat")
    members = {"1.jpg": jpeg, "1.cls": b"2", "1.json": b'{"label": "cat"}'}
    path = write_tar(tmp_path / "b.tar", members)
    succeed(PCR, "convert", path, tmp_path / "b", *FLAGS)
    assert Dataset(tmp_path / "b").classes == ("0", "1", "cat")
    assert not Dataset(tmp_path / "b").columns


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({"1.txt": b"a"}, "sample '1': expected an image (jpg, jpeg, png"),
        ({"1.jpg": b"?", "1.cls": b"x"}, "1.cls: invalid literal for int()"),
        ({"1.jpg": b"?", "1.json": b"{"}, "1.json: Expecting property name"),
        ({"1.jpg": b"?", "1.txt": b"\xff"}, "1.txt: 'utf-8' codec can't decode"),
        ({"1.jpg": b"?", "1.npy": b"no array"}, "1.npy: the magic string is not correct"),
        (
            {"1.jpg": b"?", "1.a": b"", "2.jpg": b"?"},
            "image 2: expected 'a' to be bytes or an array, as it is of other images, found None",
        ),
        (
            {"1.jpg": b"?", "2.jpg": b"?", "1.JPG": b""},
            "a.tar: 1.JPG: not a JPEG: the file is empty",
        ),
        ({"1.jpg": b"?", "1.x.txt": b"a", "1.x.npy": b""}, "1.x.npy: "),
        ({"1.jpg": b"?", "1.x.txt": b"a", "1.json": b'{"x": 1}'}, "a second value of 'x'"),
        ({"a": b""}, "expected images, found none"),
        ({"1.jpg": b"no JPEG"}, "a.tar: 1.jpg: "),
    ],
)
def test_samples_that_are_refused(tmp_path: Path, members: dict[str, bytes], line: str) -> None:
    path = write_tar(tmp_path / "a.tar", members)
    assert line in fail(PCR, "convert", path, tmp_path / "out", *FLAGS)


def test_a_member_twice(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for _ in range(2):
            tar.addfile(tarfile.TarInfo("1.jpg"))
    line = fail(PCR, "convert", tmp_path / "a.tar", tmp_path / "out", *FLAGS)
    assert "expected each member once, found '1.jpg' twice" in line


def test_arrays_of_objects_are_never_unpickled(jpeg: bytes, tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.array([{}]), allow_pickle=True)
    path = write_tar(tmp_path / "a.tar", {"1.jpg": jpeg, "1.npy": array.getvalue()})
    line = fail(PCR, "convert", path, tmp_path / "out", *FLAGS)
    assert "1.npy: expected an array of numbers, found one of object" in line


def test_tar_files_that_are_cut_off_or_damaged(shards: Path, tmp_path: Path) -> None:
    data = (shards / "train-000002.tar").read_bytes()
    out, path = tmp_path / "out", tmp_path / "a.tar"
    end = len(data.rstrip(b"\0"))
    for size in (0, 100, 512, 1500, 5000, end - end % 512, end // 2 // 512 * 512):
        path.write_bytes(data[:size])
        assert fail(PCR, "convert", path, out, *FLAGS).startswith(f"error: {path}: ")
    header = data.index(b"ustar", 10_000)
    path.write_bytes(data[: header - 100] + b"\xff" + data[header - 99 :])
    assert "found: bad checksum" in fail(PCR, "convert", path, out, *FLAGS)
    assert not out.exists()


def test_places_that_are_refused(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "found none" in fail(PCR, "convert", tmp_path / "*.tar", out, *FLAGS)
    line = fail(PCR, "convert", tmp_path / "a.tar.gz", out, *FLAGS, code=2)
    assert "expected a tar file that is not compressed" in line
    line = fail(PCR, "convert", "s3://bucket/*.tar", out, *FLAGS, code=2)
    assert "expected a URL without *" in line
    assert "8.tar: No such file" in fail(PCR, "convert", shards / "{8..9}.tar", out, *FLAGS)


STEMS = st.text("aA./_é-", min_size=1, max_size=8).filter(
    lambda stem: "//" not in stem and not stem.startswith("/") and "../" not in f"{stem}/"
)


def field_of(type: str) -> str:
    """What a member is called that has a type of its own after its last dot."""
    prefix, _, suffix = type.rpartition(".")
    return prefix if prefix and suffix in ("bin", "cls") else type


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(STEMS, st.sets(st.sampled_from(["x.bin", "Y", "cls"]))), unique_by=lambda x: x[0]
    )
)
def test_samples_are_those_that_webdataset_finds(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, set[str]]]
) -> None:
    import webdataset

    path = tmp_path_factory.mktemp("drawn") / "a.tar"
    write_tar(
        path, {f"{stem}.{kind}": b"1" for stem, kinds in drawn for kind in (*sorted(kinds), "jpg")}
    )
    file = SourceFile(LocalStore(path.parent), path.name, "")
    try:
        stream = webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False)
        expected = [
            (sample["__key__"], {name for name in sample if not name.startswith("__")})
            for sample in stream
        ]
    except ValueError:
        with pytest.raises(FormatError, match="expected each member once"):
            tar_samples(file, ("jpg",))
        return
    if not all("jpg" in kinds for _, kinds in expected):
        with pytest.raises(FormatError, match="expected an image"):
            tar_samples(file, ("jpg",))
        return
    found = [
        (sample.name.removesuffix(".jpg"), {"jpg", *sample.fields})
        for sample in tar_samples(file, ("jpg",))
    ]
    assert found == [(key.removeprefix("./"), set(map(field_of, kinds))) for key, kinds in expected]
