"""Which extra brings a package that is missing, so that an error can name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_EXTRAS = {
    "convert": ("PIL", "tqdm"),
    "plots": ("jinja2", "markupsafe", "matplotlib", "pandas", "seaborn"),
    "train": ("tensorboard", "torch", "torchvision"),
    "remote": ("obstore",),
    "ray": ("ray",),
    "tables": ("pyarrow",),
    "completion": ("shtab",),
    "datasets": ("scipy", "skimage", "sklearn", "tfrecord"),
    "dali-cuda13": ("nvidia",),
}
EXTRA_OF = {module: extra for extra, modules in _EXTRAS.items() for module in modules}
"""The extra that brings a module; of NVIDIA DALI the newer of two, which differ by CUDA."""


def how_to_install(module: str) -> str:
    """What brings a module that an extra does, a command; KeyError for any other module."""
    return f"pip install 'progressive-compressed-records[{EXTRA_OF[_package(module)]}]'"


def is_in_an_extra(error: ImportError) -> bool:
    """Whether an extra brings the module that an import did not find."""
    return isinstance(error, ModuleNotFoundError) and _package(error.name or "") in EXTRA_OF


@contextmanager
def naming_extras() -> Iterator[None]:
    """Around imports: a ModuleNotFoundError says which extra brings the module, if one does."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not is_in_an_extra(error):
            raise
        raise ModuleNotFoundError(describe_missing(error), name=error.name) from error


def describe_missing(error: ImportError) -> str:
    """One line on a module that an extra brings."""
    package = _package(error.name or "")
    return f"the package {package} is missing: {how_to_install(package)}"


def _package(module: str) -> str:
    return module.partition(".")[0]
