"""Which Python packages set-up installs, and how it finds out what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers.sandbox import ROOT, Sandbox


def test_requirements_files_say_what_pyproject_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    # The cap on grpcio-tools concerns wheels alone: here it comes with a protobuf that suits it.
    build = [item.split(",<")[0] for item in project["build-system"]["requires"]]

    def lines(name: str) -> list[str]:
        stripped = (line.split("  #")[0] for line in (ROOT / name).read_text().splitlines())
        return sorted(line for line in stripped if line and not line.startswith("#"))

    names = ("convert", "plots", "train", "remote", "tables", "completion", "datasets")
    used = {requirement for name in names for requirement in extras[name]}
    expected = [*build, *project["project"]["dependencies"], *used]
    assert lines("requirements.txt") == sorted(expected)
    assert lines("requirements-gpu.txt") == extras["dali-cuda13"]
    assert lines("requirements-dev.txt") == sorted(extras["dev"] + extras["docs"])


def pip_calls(sandbox: Sandbox, **variables: str) -> list[str]:
    """How install_python_deps.sh calls pip in an environment that has no packages."""
    asked = 'case "$*" in *check_requirements*) exit 1 ;; -c*) exec'
    python = sandbox.add(
        "active/bin/python",
        f'{asked} "{sys.executable}" "$@" ;; esac\n'
        f'echo "${{PIP_CONFIG_FILE-}}|${{PIP_EXTRA_INDEX_URL-}} $*" >>"{sandbox.log}"',
    )
    sandbox.add("uname", "echo Linux")
    for name in ("grep", "mkdir"):
        (sandbox.bin / name).unlink(missing_ok=True)
        (sandbox.bin / name).symlink_to(shutil.which(name) or name)
    sandbox.log.unlink(missing_ok=True)
    environment = {"VIRTUAL_ENV": str(python.parents[1]), **variables}
    result = sandbox.run("install_python_deps.sh", **environment)
    assert result.returncode == 0, result.stderr
    return [line for line in sandbox.calls().splitlines() if " install " in line]


def test_a_machine_without_a_driver_gets_no_cuda(sandbox: Sandbox) -> None:
    torch, rest = pip_calls(sandbox, PCR_CPU="1")
    assert "--index-url https://download.pytorch.org/whl/cpu" in torch
    assert (sandbox.root / "build/requirements-torch.txt").read_text().count("torch") == 2
    assert rest.endswith("--requirement=requirements.txt")

    (both,) = pip_calls(sandbox, PCR_CPU="0")
    assert both.endswith("--requirement=requirements.txt --requirement=requirements-gpu.txt")
    if not Path("/proc/driver/nvidia/version").exists():
        assert pip_calls(sandbox) == [torch, rest]
    sandbox.add("nvidia-smi", "exit 0")
    assert pip_calls(sandbox) == [both]


def test_no_other_index_mixes_into_pytorch_without_cuda(sandbox: Sandbox) -> None:
    mirror = {"PIP_CONFIG_FILE": "pip.conf", "PIP_EXTRA_INDEX_URL": "https://mirror"}
    torch, rest = pip_calls(sandbox, PCR_CPU="1", **mirror)
    assert torch.startswith("/dev/null| ")
    assert rest.startswith("pip.conf|https://mirror ")


def add_distribution(site: Path, name: str, version: str, *requires: str) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    (folder / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("requirement", "complaint"),
    [
        ("pcr-test-a>=1  # a comment", ""),
        ("pcr-test-none", "pcr-test-none is not installed"),
        ("pcr-test-none; sys_platform == 'nowhere'", ""),
        ("pcr-test-a>=2", "pcr-test-a>=2 is needed, 1.5 is installed"),
        ("pcr-test-b", "pcr-test-a<1 is needed, 1.5 is installed"),
        ("pcr-test-c", ""),
        ("pcr-test-c[more]", 'pcr-test-none; extra == "more" is not installed'),
    ],
)
def test_requirements_are_checked_down_to_dependencies(
    tmp_path: Path, requirement: str, complaint: str
) -> None:
    add_distribution(tmp_path, "pcr-test-a", "1.5")
    add_distribution(tmp_path, "pcr-test-b", "1", "pcr-test-a<1")
    add_distribution(tmp_path, "pcr-test-c", "1", 'pcr-test-none; extra == "more"')
    (tmp_path / "requirements.txt").write_text(f"# test\n\n{requirement}\n")
    result = subprocess.run(
        [sys.executable, ROOT / "scripts/check_requirements.py", tmp_path / "requirements.txt"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == complaint
    assert result.returncode == (1 if complaint else 0)
