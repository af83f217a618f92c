"""The commands of docs/guides/sources.md run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from helpers.conversions import PCR, make_folder, succeed
from helpers.sources import columns_of, hugging_face, make_rows, write_metadata, write_tars

from pcr.dataset.reader import Dataset

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"<!-- tested: tests/docs/test_sources_page\.py -->\n```(\w+)\n(.*?)```", re.DOTALL
)


def test_converting_as_the_page_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("webdataset", reason="of the extra 'dev'")
    pytest.importorskip("datasets", reason="of the extra 'dev'")
    photos = make_folder(tmp_path / "photos" / "train", {"cat": 4, "dog": 3})
    rows = make_rows(photos)
    write_metadata(photos / "metadata.jsonl", [{**row, "label": "cat"} for row in rows])
    lines = [f"train/{row['file_name']},{row['score']}" for row in rows]
    (tmp_path / "photos" / "list.csv").write_text("\n".join(["file_name,score", *lines]) + "\n")
    (tmp_path / "shards").mkdir()
    write_tars(photos, rows, str(tmp_path / "shards" / "train-%06d.tar"), per_tar=4)
    hub = hugging_face(photos, rows)
    (tmp_path / "hub" / "data").mkdir(parents=True)
    hub.to_parquet(tmp_path / "hub" / "data" / "train-00000-of-00001.parquet")
    hub.save_to_disk(tmp_path / "hub" / "saved")
    monkeypatch.chdir(tmp_path)
    for language, block in BLOCK.findall(
        (ROOT / "docs/guides/sources.md").read_text(encoding="utf-8")
    ):
        if language == "python":
            exec(compile(block, "docs/guides/sources.md", "exec"), {})
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line)
            assert program == "pcr"
            succeed(PCR, *words, "--quiet")
    captions = {row["caption"] for row in rows}
    for name in ("dataset", "dataset_of_tars", "dataset_of_parquet", "dataset_of_arrow"):
        assert {row["caption"] for row in columns_of(tmp_path / name).values()} == captions
    assert Dataset("dataset_of_samples").classes == ("cat", "dog")
    assert Path("exported/metadata.jsonl").is_file() and Path("exported_tars/000000.tar").is_file()
    assert str(Dataset("dataset_of_table").columns["score"].type) == "float32"
