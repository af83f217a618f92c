"""What a user gets from `pip install .`: looked for in the wheel that scripts/test.sh built in isolation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from helpers.packages import alone

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel() -> Path:
    folder = os.environ.get("PCR_WHEEL_DIR")
    if folder is None:
        pytest.skip("PCR_WHEEL_DIR names no folder with a wheel: scripts/test.sh builds one")
    (path,) = Path(folder).glob("*.whl")
    return path


def test_the_wheel_holds_all_that_the_package_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = [p for p in (ROOT / "pcr").rglob("*") if p.suffix in {".py", ".pyi", ".txt"}]
    assert {p.relative_to(ROOT).as_posix() for p in sources} <= names
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert {f"pcr/_native{suffix}", "pcr/_generated/pcr_pb2.py", "pcr/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [
        name for name in names if not re.match(r"pcr/|progressive_compressed_records-", name)
    ]


def test_its_messages_run_with_the_oldest_protobuf_that_it_admits(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    oldest = re.search(r"Requires-Dist: protobuf.*>=([\d.]+)", archive.read(metadata).decode())
    messages = archive.read("pcr/_generated/pcr_pb2.py").decode()
    generated = re.search(r"Protobuf Python Version: ([\d.]+)", messages)
    assert oldest and generated
    assert [*map(int, generated[1].split("."))] <= [*map(int, oldest[1].split("."))]


def test_it_works_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import pcr.jpeg, pcr._native, pcr._generated.pcr_pb2; print(pcr._native.__file__)"
    found = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=alone(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(str(tmp_path))
