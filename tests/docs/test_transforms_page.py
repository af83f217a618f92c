"""The recipes of docs/guides/transforms.md run as they stand, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import records

PAGE = Path(__file__).parents[2] / "docs/guides/transforms.md"


def test_the_recipes_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchvision", reason="of the extra 'train'")
    records.make_dataset(tmp_path / "pcr_dataset", (4,))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")  # or importing it asks the network
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) > 7
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
