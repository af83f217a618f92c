"""Checkpoints: the last one and the best one, never half-written, loaded without running code from them."""

from __future__ import annotations

import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch

from pcr.errors import DatasetError, FormatError
from pcr.writer import atomic_path

LAST_FILE = "checkpoint.pth.tar"
BEST_FILE = "model_best.pth.tar"
FORMAT_VERSION = 1
_KEYS = {"format_version", "arch", "classes", "model", "optimizer", "scaler", "epoch", "loader"}


def save(output_dir: Path, state: dict[str, Any], is_best: bool) -> None:
    """Write `state` as the last checkpoint and, where it is the best so far, as the best one too."""
    last = output_dir / LAST_FILE
    with atomic_path(last) as temporary:
        torch.save({"format_version": FORMAT_VERSION, **state}, temporary)
    if is_best:
        with atomic_path(output_dir / BEST_FILE) as temporary:
            shutil.copyfile(last, temporary)


def load(path: Path) -> dict[str, Any]:
    """The state that `save` was given, its tensors on the CPU.

    Raises:
        DatasetError: there is no such file.
        FormatError: the file is damaged or no checkpoint of this program.
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
