"""Each command once as a process of its own; all else is tested in this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.conversions import ADVANCED, CONVERTER, PCR, Command, run_process


@pytest.mark.parametrize(
    ("command", "words", "printed"),
    [
        (CONVERTER, ["SOURCE", "OUT"], "OUT: 19 images in 1 record"),
        (ADVANCED, ["--pool-size", "1", "SOURCE", "OUT"], "OUT: 19 images in 1 record"),
        (PCR, ["convert", "SOURCE", "OUT"], "OUT: 19 images in 1 record"),
        (PCR, ["info", "DATASET"], "DATASET\n  images   19 in 3 records"),
        (PCR, ["verify", "DATASET"], "PCR.db OK\nPCR_0.db OK"),
        (PCR, ["export", "DATASET", "OUT"], "OUT: 19 images\n"),
        (PCR, ["profile", "DATASET", "--sample", "1", "--out", "OUT"], "level mean bytes share"),
        (PCR, ["show", "DATASET", "cat/000.jpg", "--out", "OUT.png"], "OUT.png\n"),
        (PCR, ["train", "--help"], "usage: pcr train"),
        (PCR, ["plot", "--help"], "usage: pcr plot"),
        (PCR, ["--help"], "usage: pcr"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_each_command_runs(
    command: Command, words: list[str], printed: str, photos: Path, converted: Path, tmp_path: Path
) -> None:
    def placed(text: str) -> str:
        text = text.replace("SOURCE", str(photos)).replace("DATASET", str(converted))
        return text.replace("OUT", str(tmp_path / "out"))

    result = run_process(command, *map(placed, words))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(placed(printed))


def test_help_imports_neither_pandas_nor_torch() -> None:
    command = Command(PCR.main, (PCR.words[0], "-X", "importtime", *PCR.words[1:]))
    imported = run_process(command, "--help").stderr
    assert "pcr.conversion.run\n" in imported
    assert not [name for name in ("pandas", "torch", "matplotlib") if f" {name}\n" in imported]
