"""The image and its containers, mimicked by a chroot: which checkout a container imports.

A container needs a Docker engine, which tests do not have. What matters here is a Python that root
has filled, a user who may not write there, fixed folders, and containers that keep nothing but the
mounted folder. The scripts, pip and CMake are the real ones; only the C++ sources are cut down to an
empty module that names its checkout, because compiling them twice takes minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from helpers.packages import package_folders

ROOT = Path(__file__).parents[2]
USER = 1000
SYSTEM_FOLDERS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "dev", "proc")
NOT_LINKED = re.compile(
    r"(pcr|site-packages|dist-packages|__pycache__|_.*editable.*|progressive_compressed.*|.*\.pth)$"
)

MODULE = """
#include <Python.h>
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native"};
PyMODINIT_FUNC PyInit__native() {
    PyObject* module = PyModule_Create(&definition);
    PyModule_AddStringConstant(module, "checkout", "%s");
    return module;
}
"""

# Makes the folder $1 a root file system and runs the rest of the arguments in it.
ENTER = """
set -euo pipefail
root=$1; shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$root"
while [[ $1 != -- ]]; do # pairs of a folder and where to mount it
    mkdir -p "$root$2"
    mount --rbind "$1" "$root$2"
    shift 2
done
shift
mkdir -p -m 1777 "$root/tmp" "$root/home/pcr"
exec chroot "$root" "$@"
"""


def dockerfile_environment() -> dict[str, str]:
    """What the Dockerfile's ENV lines set."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = re.findall(r"^ENV (.*)$", text, flags=re.MULTILINE)
    return dict(item.split("=", 1) for line in lines for item in line.split())


class Image:
    """A system's Python and /opt/pcr, as the Dockerfile makes them; `run` is a new container."""

    def __init__(self, folder: Path, packages: list[Path]) -> None:
        self.root = folder / "root"
        self.workspace = folder / "workspace"
        self.mounts = {Path("/", name): Path("/", name) for name in SYSTEM_FOLDERS}
        self.mounts |= {path: path for path in [Path(sys.base_prefix), *packages]}
        for name in ("python", "opt"):
            self.mounts[folder / name] = Path("/", name)
            (folder / name).mkdir()
        self.mounts[self.workspace] = Path("/workspace")
        self.root.mkdir()
        self._make_python(folder / "python", packages)
        copy_checkout(folder / "opt/pcr", "/opt/pcr")

    def _make_python(self, prefix: Path, packages: list[Path]) -> None:
        """An installation, not a virtual environment, with links to packages but the project."""
        base = Path(sys.base_prefix)
        standard = Path(sysconfig.get_path("stdlib"))
        executable = prefix / "bin/python3"
        library = prefix / "lib" / standard.name
        for folder in (executable.parent, library):
            folder.mkdir(parents=True)
        shutil.copy2(Path(sys.executable).resolve(), executable)
        (prefix / "include").symlink_to(base / "include")
        for shared in (base / "lib").glob("libpython*"):
            (prefix / "lib" / shared.name).symlink_to(shared)
        link_all(standard, library)
        ask = "import site; print(site.getsitepackages()[0])"  # Debian has other folders
        answer = subprocess.run(
            [executable, "-I", "-c", ask], capture_output=True, text=True, check=True
        )
        site = Path(answer.stdout.strip())
        site.mkdir(parents=True, exist_ok=True)
        for folder in reversed(packages):  # the first on the path counts
            link_all(folder, site)

    def run(self, command: str, *, user: int = USER, folder: str = "/workspace") -> str:
        """What a command prints in a new container."""
        mounts = [str(p) for pair in self.mounts.items() if pair[0].exists() for p in pair]
        enter = ["unshare", "--mount", "--fork", "bash", "-c", ENTER, "enter", str(self.root)]
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        variables = {
            **dockerfile_environment(),
            "PATH": "/python/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/home/pcr",
        }
        done = subprocess.run(
            [*enter, *mounts, "--", *become, "bash", "-c", f"cd {folder} && {command}"],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def imported(self) -> str:
        """The checkout that a new container imports, as a script of the mounted folder would."""
        code = "import pcr._native; print(pcr.__file__, pcr._native.checkout)"
        package, _, module = self.run(f"python3 -c '{code}'").partition(" ")
        assert package == f"{module}/pcr/__init__.py"
        return module


def link_all(source: Path, target: Path) -> None:
    """Links to all in `source` but the project itself and nested packages."""
    for entry in source.iterdir():
        if not NOT_LINKED.match(entry.name):
            (target / entry.name).unlink(missing_ok=True)
            (target / entry.name).symlink_to(entry)


def copy_checkout(target: Path, path_inside: str) -> None:
    """The checkout as the Dockerfile copies it, without what .dockerignore names; a short module."""
    ignored = [line.removeprefix("**/") for line in (ROOT / ".dockerignore").read_text().split()]
    names = [name.rpartition("/")[2] for name in ignored]
    shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(*names))
    for folder in ("src", "bindings"):
        for source in (target / "native" / folder).rglob("*.cpp"):
            source.unlink()
    (target / "native/src/empty.cpp").touch()
    (target / "native/bindings/module.cpp").write_text(MODULE % path_inside)


def can_mount() -> bool:
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return not subprocess.run(command, capture_output=True, check=False).returncode
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if os.geteuid() or not can_mount():
        pytest.skip("needs root and mount namespaces")
    image = Image(tmp_path_factory.mktemp("container"), package_folders())
    image.workspace.mkdir()
    image.run("bash init_repo.sh", user=0, folder="/opt/pcr")
    return image


@pytest.mark.slow
def test_a_mounted_checkout_is_imported_from_its_init_repo_on_and_not_before(image: Image) -> None:
    assert image.imported() == "/opt/pcr"  # no checkout there

    shutil.rmtree(image.workspace)
    copy_checkout(image.workspace, "/workspace")
    for path in [image.workspace, *image.workspace.rglob("*")]:
        os.chown(path, USER, USER, follow_symlinks=False)
    assert image.imported() == "/opt/pcr"

    assert "'import pcr' takes /workspace/pcr" in image.run("bash init_repo.sh")
    assert image.imported() == "/workspace"  # in another container
    assert "up to date" in image.run("bash init_repo.sh")

    shutil.rmtree(image.workspace / "build/container")
    assert image.imported() == "/opt/pcr"
    assert "'import pcr' takes /workspace/pcr" in image.run("bash init_repo.sh")
