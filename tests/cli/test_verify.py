"""pcr verify: one line per file, and what the last one counts."""

from __future__ import annotations

import shutil
from pathlib import Path

from helpers.conversions import PCR, fail, run, succeed
from helpers.datasets import flip


def test_verify(converted: Path, dataset: Path) -> None:
    assert succeed(PCR, "verify", converted, "--decode", "--quiet").splitlines() == [
        "PCR.db OK",
        *(f"PCR_{number}.db OK" for number in range(3)),
    ]
    flip(dataset / "PCR_1.db", 8 * 20000)
    (dataset / "PCR_2.db").unlink()
    shutil.copy(dataset / "PCR_0.db", dataset / "PCR_7.db")
    result = run(PCR, "verify", dataset, "--quiet")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == ["PCR.db OK", "PCR_0.db OK"]
    assert lines[2].startswith("PCR_1.db FAILED (expected checksum ")
    assert lines[3:] == [
        "PCR_2.db FAILED (expected a record, found: No such file or directory)",
        "PCR_7.db FAILED (the index has no such record)",
        "3 of 5 files FAILED",
    ]
    assert "expected a PCR dataset" in fail(PCR, "verify", dataset.parent)
