"""Checkpoints: the last two and the best, never half-written, loaded without running their code."""

from __future__ import annotations

import pickle
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from pcr.atomic import atomic_path
from pcr.errors import DatasetError, FormatError

AUTO = "auto"  # instead of a path
LAST_FILE = "checkpoint.pth.tar"
PREVIOUS_FILE = "checkpoint_previous.pth.tar"
BEST_FILE = "model_best.pth.tar"
FORMAT_VERSION = 3
_KEYS = {
    "format_version",
    "arch",
    "classes",
    "model",
    "optimizer",
    "scaler",
    "loader",
    "epoch",
    "step",
    "ranks",
}


def save(output_dir: Path, state: dict[str, Any], is_best: bool) -> None:
    """Write `state` as the last checkpoint and, where it is the best so far, as the best one too.

    The last one so far becomes the previous one; at every moment one of the two is whole.
    """
    last = output_dir / LAST_FILE
    with atomic_path(last) as temporary:
        torch.save({"format_version": FORMAT_VERSION, **state}, temporary)
        if last.exists():
            last.replace(output_dir / PREVIOUS_FILE)
    if is_best:
        with atomic_path(output_dir / BEST_FILE) as temporary:
            shutil.copyfile(last, temporary)


def find(resume: Path, output_dir: Path) -> list[Path]:
    """The checkpoints to try: the one named, or for `auto` the folder's; then the previous one."""
    path = output_dir / LAST_FILE if str(resume) == AUTO else resume
    candidates = [path]
    if path.name == LAST_FILE:
        candidates.append(path.with_name(PREVIOUS_FILE))
    found = [candidate for candidate in candidates if candidate.is_file()]
    return found or ([] if str(resume) == AUTO else [path])


def load_first(paths: list[Path]) -> tuple[dict[str, Any], Path] | None:
    """The state and the name of the first of these checkpoints that is whole; None without any.

    Raises:
        DatasetError, FormatError: as `load`, where none is whole.
    """
    for following, path in enumerate(paths, 1):
        try:
            return load(path), path
        except FormatError as error:
            if following == len(paths):
                raise
            print(f"{error}; trying {paths[following]}", file=sys.stderr)
    return None


def load(path: Path) -> dict[str, Any]:
    """The state that `save` was given, its tensors on the CPU.

    Raises:
        DatasetError: there is no such file.
        FormatError: the file is damaged or not a checkpoint of this program.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: no such checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        RuntimeError,
        EOFError,
        KeyError,
        ValueError,
    ) as error:
        reason = str(error).partition("\n")[0]
        raise FormatError(
            f"{path}: expected a checkpoint, found a damaged file or another kind of file ({reason})"
        ) from error
    if not isinstance(state, dict) or not state.keys() >= _KEYS:
        raise FormatError(f"{path}: expected a checkpoint of this program, found other contents")
    if state["format_version"] != FORMAT_VERSION:
        raise FormatError(
            f"{path}: expected checkpoint version {FORMAT_VERSION}, found {state['format_version']}"
        )
    return state
