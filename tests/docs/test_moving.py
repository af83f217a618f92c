"""The commands and the example of docs/guides/moving.md run as they stand, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import boto3
import pytest
from helpers.conversions import PCR, contents, succeed
from helpers.servers import CREDENTIALS
from helpers.toy_data import make_folder

from pcr.conversion.run import convert

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- tested: tests/docs/test_moving\.py -->\n```(\w+)\n(.*?)```", re.DOTALL)


def test_moving_as_the_page_does(
    s3_environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("s3", endpoint_url=s3_environment, region_name=CREDENTIALS["AWS_REGION"])
    client.create_bucket(Bucket="my-bucket")
    make_folder(tmp_path / "photos" / "train", 3)
    convert(tmp_path / "photos" / "train", tmp_path / "dataset", progress=False)
    monkeypatch.chdir(tmp_path)
    printed = ""
    blocks = BLOCK.findall((ROOT / "docs/guides/moving.md").read_text(encoding="utf-8"))
    assert len(blocks) == 5
    for language, block in blocks:
        if language == "python":
            exec(compile(block, "docs/guides/moving.md", "exec"), {})
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line)
            assert program == "pcr"
            printed += succeed(PCR, *words)
    for name in ("dataset", "sharded", "train"):
        assert re.search(rf"^{name} +6 +1 +10 ", printed, re.MULTILINE)
    assert contents(tmp_path / "coarse", 3) == contents(tmp_path / "dataset", 3)
    assert contents(tmp_path / "first_two", 2) == contents(tmp_path / "dataset", 2)
    assert len(list((tmp_path / "exported").rglob("*.jpg"))) == 6
