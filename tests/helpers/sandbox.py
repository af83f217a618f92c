"""A checkout's set-up scripts alone, with a PATH on which is what a test puts there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASICS = ("bash", "basename", "dirname", "id", "cat", "env", "uname", "rm")
ENVIRONMENT_VARIABLES = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PCR_SYSTEM_PYTHON",
    "PCR_PYTHON",
    "PCR_CPU",
    "CXX",
)
REQUIREMENTS = ("requirements.txt", "requirements-gpu.txt")
SHELL_SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.sh"), *ROOT.glob("scripts/*.sh"), ROOT / ".ci/run"]
)


class Sandbox:
    """A copy of the set-up scripts and a PATH with nothing on it but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repository"
        self.bin = folder / "bin"
        self.log = folder / "calls.txt"
        self.bin.mkdir()
        for name in [*SHELL_SCRIPTS, "scripts/check_requirements.py", *REQUIREMENTS]:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        for name in BASICS:
            (self.bin / name).symlink_to(shutil.which(name) or pytest.skip(f"no {name} here"))

    def add(self, name: str, script: str) -> Path:
        """Put a shell script on PATH."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{shutil.which('bash')}\n{script}\n")
        path.chmod(0o755)
        return path

    def add_recorder(self, name: str, then: str = "") -> None:
        """Put a program on PATH that only notes how it was called."""
        self.add(name, f'echo "{name} $*" >>"{self.log}"\n{then}')

    def calls(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT_VARIABLES}
        env = {**kept, "PATH": str(self.bin), **variables}
        return subprocess.run(
            ["bash", *command], cwd=self.root, env=env, capture_output=True, text=True, check=False
        )


def add_python(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.add(name, f'exec "{sys.executable}" "$@"'))
