"""Sources that travel to other machines: some of their images, from another current directory."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from helpers.sources import hugging_face, make_rows, write_metadata, write_tars

from pcr.conversion.options import ConversionOptions
from pcr.conversion.sources.opening import open_source


@pytest.fixture(scope="module", params=["table", "tars", "parquet", "saved"])
def place(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """One of each kind."""
    root, rows = tmp_path_factory.mktemp("place"), make_rows(folder)
    if request.param == "table":
        return write_metadata(folder / "rows.jsonl", rows)
    pytest.importorskip("webdataset", reason="of the extra 'dev'")
    pytest.importorskip("datasets", reason="of the extra 'dev'")
    if request.param == "tars":
        write_tars(folder, rows, str(root / "%d.tar"), per_tar=4)
        return root
    images = hugging_face(folder, rows)
    if request.param == "saved":
        images.save_to_disk(root / "saved")
        return root / "saved"
    images.to_parquet(root / "images.parquet", batch_size=4)
    return root / "images.parquet"


def test_a_part_of_a_source_elsewhere(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.parent)
    source = open_source(place.name, ConversionOptions())
    part = source.samples[3:9:2]
    expected: list[Any] = [
        (source.read(sample, 10**6), source.values(sample), source.size_and_version(sample))
        for sample in part
    ]
    sent = pickle.loads(pickle.dumps(source.sendable(part)))
    monkeypatch.chdir(tmp_path)
    found = [
        (sent.read(sample, 10**6), sent.values(sample), sent.size_and_version(sample))
        for sample in part
    ]
    assert repr(found) == repr(expected)
    assert (sent.classes, sent.columns) == (source.classes, source.columns)
    with pytest.raises(KeyError):
        sent.values(source.samples[0])
