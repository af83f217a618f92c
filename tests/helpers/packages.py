"""Where installed packages lie, for processes that must not see this checkout's own installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER_NAMES = ("site-packages", "dist-packages")


def package_folders() -> list[Path]:
    """The folders of packages on this Python's path, its ``.pth`` files followed."""
    return [Path(entry) for entry in sys.path if Path(entry).name in FOLDER_NAMES]


def alone(folder: Path, packages: list[Path] | None = None) -> dict[str, str]:
    """The environment in which ``python -S`` imports from a folder, then from packages.

    With -S no ``.pth`` file is read, so an editable installation does not answer instead.
    """
    found = package_folders() if packages is None else packages
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [folder, *found]))}
