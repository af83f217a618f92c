"""The examples of the page on storage read a dataset from a server on this machine."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from helpers import records
from helpers.servers import CREDENTIALS
from helpers.walks import walk

import pcr


def test_the_examples_run(
    s3_environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    client = boto3.client("s3", endpoint_url=s3_environment, region_name=CREDENTIALS["AWS_REGION"])
    client.create_bucket(Bucket="bucket")
    records.make_dataset(tmp_path / "imagenet", (4,))
    pcr.copy(tmp_path / "imagenet", "s3://bucket/imagenet", progress=False)
    monkeypatch.chdir(tmp_path)
    here = {"https://host/": "s3://bucket/", "/scratch/pcr": str(tmp_path / "cache")}
    loader = walk("docs/guides/storage.md", here)["loader"]
    assert sum(len(labels) for _, labels in loader) == 4
    assert any((tmp_path / "cache").iterdir())
