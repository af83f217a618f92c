"""Adding columns to finished datasets: whole or not at all, whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import records
from helpers.conversions import dataset_bytes
from helpers.datasets import failures
from helpers.servers import BUCKET

import pcr
from pcr.dataset import layout
from pcr.storage.store import open_store
from pcr.tools import column_addition
from pcr.tools.column_addition import add_column

IMAGES = 8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return records.make_dataset(tmp_path_factory.mktemp("made"), (5, 3)).root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "dataset"))


def add(root: Path | str, name: str, values: Any, **options: Any) -> column_addition.AddedColumn:
    return add_column(root, name, values, progress=False, **options)


def read(root: Path | str, name: str) -> list[Any]:
    dataset = pcr.Dataset(root)
    return [value for record in dataset.records for value in record.columns([name])[name]]


def names_of(root: Path) -> list[str]:
    return [
        name for record in pcr.Dataset(root).records for name in record.columns(["name"])["name"]
    ]


def test_values_by_name_and_in_order(root: Path) -> None:
    before = pcr.Dataset(root)
    captions = {name: f"a {name}" for name in names_of(root)}
    added = add(root, "caption", captions | {"ant/999.jpg": "gone"})
    assert (str(added.column), added.images, added.unused_values) == ("caption: str", IMAGES, 1)
    add(root, "score", np.arange(IMAGES, dtype=np.float32).reshape(IMAGES, 1))
    add(root, "boxes", [np.zeros((i, 4)) for i in range(IMAGES)], type="float32[?,4]")
    assert read(root, "caption") == list(captions.values())
    assert np.array_equal(read(root, "score"), np.arange(IMAGES).reshape(IMAGES, 1))
    assert [box.shape for box in read(root, "boxes")] == [(i, 4) for i in range(IMAGES)]
    after = pcr.Dataset(root)
    assert {name: str(column.type) for name, column in after.columns.items()} == {
        "caption": "str",
        "score": "float32[1]",
        "boxes": "float32[?,4]",
    }
    assert after.info == before.info  # and so states of loaders, and caches, remain valid
    assert before.records[0].read(2).data.tobytes() == after.records[0].read(2).data.tobytes()
    assert added.file_bytes == sum(p.stat().st_size for p in root.glob("PCR_?.caption.db"))
    assert failures(root) == {}


def test_a_column_is_replaced_by_force_alone(root: Path) -> None:
    add(root, "score", [1] * IMAGES)
    reader = pcr.Dataset(root)
    with pytest.raises(pcr.DatasetError, match="already has a column 'score': use `force` to"):
        add(root, "score", [2] * IMAGES)
    for version, kind in ((1, float), (2, str)):
        add(root, "score", list(map(kind, range(IMAGES))), force=True)
        assert read(root, "score") == list(map(kind, range(IMAGES)))
        files = {path.name for path in root.glob("PCR_*.score.*")}
        assert files == {f"PCR_{i}.score.{version}.db" for i in range(2)}
    with pytest.raises(
        pcr.FormatError, match=r"PCR_0\.score\.db: expected a column, found: No such"
    ):
        reader.records[0].columns(["score"])
    assert failures(root) == {}


@pytest.mark.parametrize(
    ("name", "values", "options", "complaint"),
    [
        ("score", [1] * 7, {}, "expected 8 values, one for each image, found 7"),
        ("score", {"ant/0.jpg": 1}, {}, "found none for 7 of 8, among them 'ant/3.jpg'"),
        ("score", [1] * 7 + [1.5], {"type": "int64"}, "image 'cat/7.jpg': column score: expected int64"),
        ("score", [1] * 8, {"type": "int"}, "type: expected a type such as"),
        ("label", [1] * 8, {}, "expected another name for the column 'label'"),
        ("a b", [1] * 8, {}, "expected a column's name of up to 63 letters"),
    ],
)  # fmt: skip
def test_what_is_wrong_leaves_the_dataset_as_it_was(
    root: Path, name: str, values: Any, options: dict[str, Any], complaint: str
) -> None:
    before = dataset_bytes(root)
    with pytest.raises(pcr.PCRError, match=complaint):
        add(root, name, values, **options)
    assert dataset_bytes(root) == before


def test_columns_within_records_and_in_another_case_are_refused(tmp_path: Path) -> None:
    column = pcr.dataset.columns.Column.of("caption", "str")
    root = records.make_dataset(tmp_path / "d", (2,), columns={column: ["a", "b"]}).root
    with pytest.raises(
        pcr.DatasetError, match="'caption' lies within the records, which are never"
    ):
        add(root, "caption", ["c", "d"], force=True)
    with pytest.raises(pcr.UsageError, match="expected different names of columns"):
        add(root, "Caption", ["c", "d"])


def test_places_without_a_finished_dataset(root: Path, tmp_path: Path) -> None:
    with pytest.raises(pcr.DatasetError, match="expected the directory of a PCR dataset"):
        add(tmp_path / "nowhere", "score", [])
    assert not (tmp_path / "nowhere").exists()
    (root / layout.PLAN_FILE).write_bytes(b"")
    with pytest.raises(pcr.DatasetError, match="holds an unfinished append: finish it before"):
        add(root, "score", [1] * IMAGES)


@pytest.mark.parametrize("step", range(1, 6))
@pytest.mark.parametrize("force", [False, True])
def test_killed_at_any_moment_it_is_all_or_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: int, force: bool
) -> None:
    """Killed before each rename and after the last: two files, the index, and what is removed."""
    if force:
        add(root, "score", [1] * IMAGES)
    monkeypatch.setattr(column_addition, "_AT_ONCE", 1)
    child = os.fork()
    if child == 0:
        _die_before_call(monkeypatch, step)
        add(root, "score", [2] * IMAGES, force=force)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert failures(root) == {}
    written = "score" in pcr.Dataset(root).columns and read(root, "score")[0] == 2
    assert written == (step > 3)
    if not written:
        assert ("score" in pcr.Dataset(root).columns) == force
        assert not force or read(root, "score") == [1] * IMAGES
    assert os.WIFSIGNALED(status) == (step < 4 or force)
    add(root, "score", [3] * IMAGES, force=written or force)
    assert read(root, "score") == [3] * IMAGES
    assert len([*root.glob("PCR_?.score*")]) == 2


def _die_before_call(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    calls = iter(range(1, 100))

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if next(calls) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return wrapped

    monkeypatch.setattr(Path, "replace", dying(Path.replace))
    store = type(open_store("."))
    monkeypatch.setattr(store, "delete", dying(store.delete))


def test_columns_are_added_in_stores(root: Path, s3_environment: str) -> None:
    url = f"s3://{BUCKET}/columns"
    pcr.copy(root, url, progress=False)
    add(url, "score", list(range(IMAGES)))
    add(url, "score", list(map(str, range(IMAGES))), force=True)
    assert read(url, "score") == list(map(str, range(IMAGES)))
    assert failures(url) == {}  # type: ignore[arg-type]
    stored = {name for name, _ in open_store(url).names("PCR_") if "score" in name}
    assert stored == {"PCR_0.score.1.db", "PCR_1.score.1.db"}


def test_a_copy_is_brought_up_to_date(root: Path, tmp_path: Path) -> None:
    pcr.copy(root, tmp_path / "copy", progress=False)
    add(root, "score", [1] * IMAGES)
    summary = pcr.copy(root, tmp_path / "copy", progress=False)
    assert summary.copied_bytes == sum(p.stat().st_size for p in root.glob("*.score.db"))
    assert dataset_bytes(tmp_path / "copy") == dataset_bytes(root)


def test_a_cache_keeps_what_it_holds(root: Path, tmp_path: Path, s3_environment: str) -> None:
    url = f"s3://{BUCKET}/cached"
    pcr.copy(root, url, progress=False)

    def read_all() -> int:
        dataset = pcr.Dataset(url, cache=tmp_path / "cache", cache_limit="1GB")
        columns = list(dataset.columns)
        for record in dataset.records:
            record.read(2, columns=columns)
        return dataset.store.counters.bytes_read

    def size(*names: str) -> int:
        return sum(open_store(url).size(name) or 0 for name in names)

    assert read_all() > size("PCR.db") == read_all()
    add(url, "score", [1] * IMAGES)
    assert read_all() == size("PCR.db", "PCR_0.score.db", "PCR_1.score.db")
    assert read_all() == size("PCR.db")
