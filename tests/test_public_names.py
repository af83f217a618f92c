"""The public face: what `import pcr` offers, what it costs, what help() says."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import pcr

HEAVY = ("torch", "numpy", "pandas", "PIL", "google.protobuf", "pcr._native", "pcr.extension")
NEED_TORCH = ("torch", "torchvision", "nvidia")


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, pcr; dir(pcr); print([name for name in {HEAVY} if name in sys.modules])"
    assert in_a_new_process(code).strip() == "[]"


def test_every_public_name_is_found_without_torch() -> None:
    code = f"""
import sys
for name in {NEED_TORCH}:
    sys.modules[name] = None
import pcr
print(*[name for name in pcr.__all__ if getattr(pcr, name).__doc__ is None])
"""
    assert in_a_new_process(code).strip() == ""
    assert set(pcr.__all__) <= set(dir(pcr))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pcr.nothing


def test_type_checkers_see_the_names_that_are_found_lazily() -> None:
    tree = ast.parse(Path(pcr.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    found = {name: getattr(pcr, name) for name in pcr.__all__ if name != "__version__"}
    assert imported == {name: value.__module__ for name, value in found.items()}


def parameters(function: object) -> dict[str, tuple[object, object]]:
    """Annotation and default of each parameter."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    return {name: (one.annotation, one.default) for name, one in signature.parameters.items()}


def test_a_loader_takes_what_its_source_and_its_decoding_take() -> None:
    """Spelled out for help() and editors; types and defaults are theirs."""
    expected = parameters(pcr.PCRIterator) | parameters(pcr.DecodeOptions)
    assert parameters(pcr.Loader) == expected
    assert [*expected][-len(fields(pcr.DecodeOptions)) :] == [
        field.name for field in fields(pcr.DecodeOptions)
    ]


@pytest.mark.parametrize(
    "name",
    ["Loader", "PCRIterator", "FileIterator", "DecodeOptions", "TrainTransform", "EvalTransform"],
)
def test_help_says_what_each_parameter_means(name: str) -> None:
    public = getattr(pcr, name)
    text = f"{public.__doc__}\n{public.__init__.__doc__}"
    described = re.findall(r"^ *((?:\w+, )*\w+): ", text, flags=re.MULTILINE)
    names = {one for several in described for one in several.split(", ")}
    spelled_out = set(parameters(public)) - {"folder"}  # of FileIterator, in its first line
    assert spelled_out <= names


def test_size_comes_first_in_both_transforms() -> None:
    for transform in (pcr.TrainTransform, pcr.EvalTransform):
        assert next(iter(parameters(transform).items())) == ("size", ("Size", 224))
