"""Each guarantee in docs/reference/guarantees.md is held by a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/guarantees.md"
ROW = re.compile(r"^\| (?!mishap|---)(.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named_functions(path: Path) -> set[str]:
    """The names of the test functions in a file, those of classes too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {name for name in found if name.startswith("test_")}


def test_each_row_names_a_test_that_exists() -> None:
    rows = [row for row in ROW.findall(PAGE.read_text(encoding="utf-8")) if "---" not in row]
    assert len(rows) > 30
    for row in rows:
        ((file, name),) = NAMED.findall(row)
        assert name in named_functions(ROOT / file), row
