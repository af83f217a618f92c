"""The examples and commands of the GPU page run on the CPU, with nothing else changed but sizes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from helpers import records
from helpers.conversions import PCR, succeed
from helpers.toy_data import make_folder, make_pcr
from helpers.walks import ROOT, run_example

PAGE = (ROOT / "docs" / "guides" / "gpu.md").read_text(encoding="utf-8")
ON_THE_CPU = {'"cuda"': '"cpu"', '"float16"': '"float32"', "device_id=0": "device_id=None"}
SMALL = {
    "--device cuda": "--device cpu",
    "-b 256 -j 16": "-b 8 -j 1",
    "-a $arch": "",
    "--n_scans $n_scans": "--n_scans 2",
    "$arch-$n_scans": "records",
    "$arch-images": "images",
    "imagenet_pcr": "pcr_dataset",
    "imagenet/": "photos/",
    " val\n": " photos/val\n",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"<!-- tested [^\n]*-->\n```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    pytest.importorskip("nvidia.dali", reason="needs NVIDIA DALI")
    records.make_dataset(tmp_path / "pcr_dataset", (4, 3))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in blocks("python"):
        run_example(replaced(example, ON_THE_CPU), "docs/guides/gpu.md", names)
    assert {"model", "pipe"} <= names.keys()


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchvision", reason="of the extra 'train'")
    for part in ("train", "val"):
        make_folder(tmp_path / "photos" / part, 5)
    make_pcr(tmp_path / "photos" / "train", tmp_path / "pcr_dataset")
    monkeypatch.chdir(tmp_path)
    text = replaced("".join(blocks("sh")).replace("\\\n", " "), SMALL)
    commands = re.findall(r"(?:pcr train|dali_main.py) (.*)", text)
    assert len(commands) == 7
    quick = shlex.split("-a shufflenet_v2_x0_5 --image_size 32 --epochs 1 --seed 0 -b 8 -j 1")
    for command in commands:
        succeed(PCR, "train", *shlex.split(command), *quick)
    assert len(list(tmp_path.glob("**/train_data_0.csv"))) == 4  # --synthetic_… write none
