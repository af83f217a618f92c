"""The shell scripts: environments, packages, Docker; checked without network and without changing anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.sandbox import ROOT, SHELL_SCRIPTS, Sandbox, add_python

TOOLS = Path(sys.prefix, "bin")


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    return found or pytest.skip(
        f"{name} is missing: 'bash install_python_deps.sh --dev' installs it"
    )


# Lint


def test_shellcheck_finds_nothing() -> None:
    command = [tool("shellcheck"), "-x", *SHELL_SCRIPTS]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    command = [tool("hadolint"), "Dockerfile"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0 and not result.stdout, result.stdout


def test_zizmor_finds_nothing_in_the_workflows() -> None:
    command = [tool("zizmor"), "--offline", "--persona", "pedantic", ".github/workflows"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_hooks_are_valid_and_local() -> None:
    command = [tool("pre-commit"), "validate-config", ".pre-commit-config.yaml"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    repositories = re.findall(r"repo: (\S+)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert repositories == ["local"]


# Usage


@pytest.mark.parametrize(
    "script", ["install_python_deps.sh", "init_repo.sh", "scripts/quickstart.sh"]
)
def test_wrong_usage_is_exit_code_2_and_help_is_0(sandbox: Sandbox, script: str) -> None:
    wrong, helped = sandbox.run(script, "--nonsense"), sandbox.run(script, "--help")
    assert (wrong.returncode, helped.returncode) == (2, 0)
    assert f"Usage: bash {script}" in wrong.stderr
    assert f"Usage: bash {script}" in helped.stdout


# Which Python


def chosen_python(sandbox: Sandbox, **variables: str) -> subprocess.CompletedProcess[str]:
    return sandbox.run(
        "-c", 'source scripts/environment.sh && select_python && echo "$PYTHON"', **variables
    )


def test_the_environment_is_the_active_one_or_the_repositorys_or_the_systems(
    sandbox: Sandbox,
) -> None:
    system = add_python(sandbox, "python3")
    active = add_python(sandbox, "active/bin/python")
    conda = add_python(sandbox, "conda/bin/python")
    virtual_env = {"VIRTUAL_ENV": str(Path(active).parents[1])}
    conda_prefix = {"CONDA_PREFIX": str(Path(conda).parents[1])}
    assert chosen_python(sandbox, **virtual_env, **conda_prefix).stdout.strip() == active
    assert chosen_python(sandbox, **conda_prefix).stdout.strip() == conda
    assert chosen_python(sandbox, **virtual_env, PCR_SYSTEM_PYTHON="1").stdout.strip() == system

    none_yet = chosen_python(sandbox)
    assert none_yet.returncode == 1
    assert "run 'bash install_python_deps.sh' first" in none_yet.stderr
    own = sandbox.root / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.symlink_to(system)
    assert chosen_python(sandbox).stdout.strip() == str(own)


def test_an_old_python_is_refused_and_a_newer_one_beside_it_is_found(sandbox: Sandbox) -> None:
    old = 'case "$2" in *print*) echo 3.9 ;; *) exit 1 ;; esac'
    sandbox.add("python3", old)
    refused = sandbox.run("install_python_deps.sh")
    assert refused.returncode == 1
    assert "Python 3.11 or newer is needed, 'python3' is version 3.9" in refused.stderr
    assert "PCR_PYTHON" in refused.stderr

    newer = add_python(sandbox, "python3.12")
    assert chosen_python(sandbox, PCR_SYSTEM_PYTHON="1").stdout.strip() == newer
    named = sandbox.add("mine", old)
    assert chosen_python(sandbox, PCR_SYSTEM_PYTHON="1", PCR_PYTHON=str(named)).returncode == 1


def test_a_python_without_venv_names_the_package(sandbox: Sandbox) -> None:
    version = "{}.{}".format(*sys.version_info)
    without = f'case "$2" in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"'
    sandbox.add("python3", without)
    result = sandbox.run("install_python_deps.sh")
    assert result.returncode == 1
    assert f"install the package python{version}-venv" in result.stderr
    assert not (sandbox.root / ".venv").exists()


# Which packages


def test_missing_system_packages_are_named_for_every_package_manager(sandbox: Sandbox) -> None:
    add_python(sandbox, "python3")
    result = sandbox.run("init_repo.sh", PCR_SYSTEM_PYTHON="1")
    assert result.returncode == 1
    for line in (
        "apt-get install g++ cmake ninja-build libjpeg-dev libeigen3-dev libprotozero-dev",
        "dnf install gcc-c++ cmake ninja-build libjpeg-turbo-devel eigen3-devel protozero-devel",
        "brew install gcc cmake ninja jpeg-turbo eigen protozero",
        "conda install -c conda-forge cxx-compiler cmake ninja libjpeg-turbo eigen protozero",
    ):
        assert line in result.stderr


def test_apt_is_used_where_it_may_be(sandbox: Sandbox) -> None:
    add_python(sandbox, "python3")
    sandbox.add_recorder("apt-get")
    sandbox.add("id", "echo 1000")
    assert sandbox.run("init_repo.sh", PCR_SYSTEM_PYTHON="1").returncode == 1
    assert not sandbox.calls()  # no root, no sudo

    sandbox.add("id", "echo 0")
    sandbox.run("init_repo.sh", PCR_SYSTEM_PYTHON="1")
    update, install = sandbox.calls().splitlines()
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install -y")
    assert "g++ cmake ninja-build libjpeg-dev libeigen3-dev libprotozero-dev" in install


# Docker


def test_docker_scripts_say_that_docker_is_missing(sandbox: Sandbox) -> None:
    for script in ("docker_build.sh", "docker_run.sh"):
        result = sandbox.run(script)
        assert result.returncode == 1
        assert "docker is not installed" in result.stderr


@pytest.mark.parametrize(("caller", "inside"), [("1234", "1234"), ("0", "1000")])
def test_the_image_is_built_for_the_caller_but_never_for_root(
    sandbox: Sandbox, caller: str, inside: str
) -> None:
    sandbox.add_recorder("docker")
    sandbox.add("id", f"echo {caller}")
    assert sandbox.run("docker_build.sh", "--no-cache").returncode == 0
    ids = f"--build-arg USER_ID={inside} --build-arg GROUP_ID={inside}"
    assert sandbox.calls().strip() == f"docker build --tag pcr {ids} --no-cache ."


def test_the_container_sees_the_working_folder_and_the_gpus_where_there_are_any(
    sandbox: Sandbox,
) -> None:
    sandbox.add_recorder("docker")
    assert sandbox.run("docker_run.sh", "python3", "-V", PCR_WORKSPACE="/data").returncode == 0
    call = sandbox.calls()
    assert "--volume /data:/workspace" in call and "--publish 127.0.0.1:6006:6006" in call
    assert call.strip().endswith("pcr python3 -V")
    assert "--gpus" not in call

    for name in ("nvidia-smi", "nvidia-container-cli"):
        sandbox.add(name, "exit 0")
    assert sandbox.run("docker_run.sh").returncode == 0
    assert "--gpus all" in sandbox.calls().splitlines()[-1]
