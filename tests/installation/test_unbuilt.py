"""What the commands and the package say before they are built, or without the packages they need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.packages import alone

from pcr.cli import command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def unbuilt(tmp_path: Path) -> Path:
    """The repository's Python files alone."""
    scripts = ("PCR_Converter.py", "PCR_Converter_advanced.py", "PCR_Iterator.py", "dali_main.py")
    for script in scripts:
        shutil.copy(ROOT / script, tmp_path)
    built = shutil.ignore_patterns("_native.*", "_generated", "__pycache__")
    shutil.copytree(ROOT / "pcr", tmp_path / "pcr", ignore=built)
    return tmp_path


def run(
    folder: Path, *arguments: str, packages: list[Path] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        env=alone(folder, packages),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


COMMANDS = [
    ["PCR_Converter.py", "photos", "out"],
    ["PCR_Converter_advanced.py", "photos", "out"],
    ["-m", "pcr", "info", "dataset"],
    ["dali_main.py", "photos", "photos"],
]


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_say_what_builds_them(unbuilt: Path, words: list[str]) -> None:
    result = run(unbuilt, *words)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "error: pcr is not built" in line and "'bash init_repo.sh'" in line


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_say_what_installs_missing_packages(unbuilt: Path, words: list[str]) -> None:
    result = run(unbuilt, *words, packages=[])
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "error: No module named" in line and "install_python_deps.sh" in line


def test_an_interrupt_while_modules_load_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "import_module", interrupted)
    with pytest.raises(SystemExit) as ended:
        command.main("convert", [])
    assert ended.value.code == 130 and capsys.readouterr().err == "error: interrupted\n"


@pytest.mark.parametrize(
    "module", ["PCR_Iterator", "pcr.dataset.messages", "pcr.jpeg", "pcr.loading.loader"]
)
def test_imports_say_what_builds_them(unbuilt: Path, module: str) -> None:
    last = run(unbuilt, "-c", f"import {module}").stderr.splitlines()[-1]
    assert last.startswith("ImportError: pcr is not built") and "'bash init_repo.sh'" in last
