"""What packages the parts of the project need, and what is said where one is missing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from helpers import records

from pcr.extras import EXTRA_OF

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = {"numpy", "google", "xxhash"}
LEFT_ALONE = {"apex", "boto3"}  # whose absence has a message of its own


def imported(path: Path) -> set[str]:
    """The packages that a module imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def distribution_names(lines: list[str]) -> set[str]:
    names = (re.match(r"[\w-]+", line) for line in lines)
    return {match[0].lower() for match in names if match}


def test_each_package_that_is_imported_is_of_the_core_or_of_an_extra() -> None:
    used = {name for path in (ROOT / "pcr").rglob("*.py") for name in imported(path)}
    foreign = used - sys.stdlib_module_names - {"pcr"} - LEFT_ALONE
    assert foreign <= CORE | EXTRA_OF.keys()


def test_each_extra_brings_what_errors_say_it_brings() -> None:
    providers = packages_distributions()
    for module, extra in EXTRA_OF.items():
        if module in providers and module != "nvidia":  # which many distributions share
            wanted = distribution_names(PROJECT["optional-dependencies"][extra])
            assert wanted & {name.lower() for name in providers[module]}, module


def without(modules: set[str], code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python in which these packages are not installed."""
    hide = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
    return subprocess.run(
        [sys.executable, "-c", hide + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_loader_needs_nothing_but_the_core(tmp_path: Path) -> None:
    root = records.make_dataset(tmp_path / "d", (4, 3)).root
    code = """
import pcr
loader = pcr.Loader(sys.argv[1], 7, transform=pcr.EvalTransform(8, 8), output="numpy", num_threads=1)
print(*[images.shape for images, labels in loader])
"""
    done = without(EXTRA_OF.keys() - {""}, code, str(root))
    assert done.stdout == "(7, 3, 8, 8)\n", done.stderr


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["convert", "IMAGES", "OUT"], "convert"),
        (["verify", "DATASET"], "convert"),
        (["profile", "DATASET"], "plots"),
        (["train", "--PCR_train", "DATASET", "IMAGES"], "train"),
        (["info", "s3://bucket/dataset"], "remote"),
    ],
)
def test_commands_name_the_extra(words: list[str], extra: str) -> None:
    code = "from pcr.cli.main import main; main(sys.argv[1:])"
    done = without(set(EXTRA_OF), code, *words)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and line.endswith(f"records[{extra}]'")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("import pcr; pcr.convert", "the package PIL is missing: EXTRA[convert]'"),
        ("import PCR_Pipeline", "the package nvidia is missing: EXTRA[dali-cuda13]'"),
    ],
)
def test_imports_name_the_extra(code: str, line: str) -> None:
    last = without(set(EXTRA_OF), code).stderr.splitlines()[-1]
    extra = "pip install 'progressive-compressed-records"
    assert last == f"ModuleNotFoundError: {line.replace('EXTRA', extra)}"
