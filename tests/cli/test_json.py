"""What commands print for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import records

from pcr.cli.main import main

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; its exit code and what it printed, parsed."""

    def run_command(*words: object) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), "--json"])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return run_command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "datasets").mkdir()
    return records.make_dataset(tmp_path / "datasets" / "whole", (4, 3)).root


def test_ls_of_a_dataset_and_of_a_folder(run: Run, root: Path) -> None:
    code, facts = run("ls", root)
    assert code == 0 and facts["dataset"] == str(root)
    assert [(one["name"], one["images"]) for one in facts["records"]] == [
        ("PCR_0.db", 4),
        ("PCR_1.db", 3),
    ]
    assert facts["records"][0]["prefix_bytes"] == sorted(facts["records"][0]["prefix_bytes"])

    code, facts = run("ls", root, "--images")
    (first, *rest) = facts["images"]
    assert code == 0 and len(rest) == 6 and first["label"] == 0 and len(first["level_bytes"]) == 10

    (root.parent / "damaged").mkdir()
    (root.parent / "damaged/PCR.db").write_bytes(b"nothing")
    code, facts = run("ls", root.parent)
    damaged, whole = facts["datasets"]
    assert damaged["name"] == "damaged" and damaged["problem"]
    assert whole["problem"] is None and (whole["images"], whole["records"]) == (7, 2)


def test_verify_names_what_failed(run: Run, root: Path) -> None:
    assert run("verify", root, "--quiet") == (0, {"dataset": str(root), "files": 3, "failures": []})
    path = root / "PCR_1.db"
    path.write_bytes(path.read_bytes()[:-1])
    code, facts = run("verify", root, "--quiet")
    (failure,) = facts["failures"]
    assert code == 1 and failure["file"].endswith("PCR_1.db") and failure["failure"]


def test_profile_recommends_a_level(run: Run, root: Path, tmp_path: Path) -> None:
    code, facts = run("profile", root, "--quiet", "--sample", 2, "--out", tmp_path)
    assert code == 0 and facts["recommended_level"] in range(1, 11)
    assert [row["level"] for row in facts["levels"]] == list(range(1, 11))
    assert facts["levels"][-1]["ms_ssim_mean"] == 1


def test_info_has_the_levels(run: Run, root: Path) -> None:
    code, facts = run("info", root)
    assert code == 0 and len(facts["levels"]) == 10
