"""Checkpoints: the last two and the best, never half-written, loaded without running their code."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import IO, Any

import torch

from pcr.atomic import atomic_path
from pcr.errors import DatasetError, FormatError, printable
from pcr.train.checksum import checksum
from pcr.train.contents import CHECKPOINT, mismatch

AUTO = "auto"  # instead of a path
LAST_FILE = "checkpoint.pth.tar"
PREVIOUS_FILE = "checkpoint_previous.pth.tar"
BEST_FILE = "model_best.pth.tar"
_OF_THE_FILE = ("format_version", "checksum")  # which `save` adds
FORMAT_VERSION = 5


def save(output_dir: Path, state: dict[str, Any], is_best: bool) -> None:
    """Write `state` as the last checkpoint and, where it is the best so far, as the best one too.

    The last one so far becomes the previous one; at every moment one of the two is whole.

    Raises:
        OSError: the disk failed; a checkpoint written earlier is still there.
    """
    last = output_dir / LAST_FILE
    with atomic_path(last) as temporary:
        _write({"format_version": FORMAT_VERSION, "checksum": checksum(state), **state}, temporary)
        if is_best:
            with atomic_path(output_dir / BEST_FILE) as best:
                shutil.copyfile(temporary, best)
        if last.exists():
            last.replace(output_dir / PREVIOUS_FILE)


def _write(state: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # torch complains of an incomplete archive before it passes on what the disk said.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None
        file.flush()
        os.fsync(file.fileno())  # before the last checkpoint makes way


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
            print(printable(f"{error}; trying {paths[following]}"), file=sys.stderr)
    return None


def load(path: Path) -> dict[str, Any]:
    """The state that `save` was given, its tensors on the CPU.

    Raises:
        DatasetError: there is no such file.
        FormatError: the file can't be read, is damaged, or is not a checkpoint of this program.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: no such checkpoint")
    expected = f"{path}: expected a checkpoint"
    try:
        with path.open("rb") as file:
            _check_sums(file)
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise FormatError(f"{expected}, it can't be read ({error.strerror or error})") from error
    except Exception as error:  # the bytes decide what unpacking them raises
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise FormatError(
            f"{expected}, found a damaged file or another kind of file ({reason})"
        ) from error
    version = state.get("format_version") if isinstance(state, dict) else None
    if type(version) is int and version != FORMAT_VERSION:
        raise FormatError(f"{expected} of version {FORMAT_VERSION}, found version {version}")
    if different := mismatch(state, CHECKPOINT):
        raise FormatError(f"{expected} of this program, found other contents ({different})")
    saved = {name: value for name, value in state.items() if name not in _OF_THE_FILE}
    if not _is_as_saved(saved, state["checksum"]):
        raise FormatError(f"{expected}, found contents that were changed after they were saved")
    return saved


def _is_as_saved(contents: dict[str, Any], expected: str) -> bool:
    try:
        return checksum(contents) == expected
    except (RuntimeError, TypeError, ValueError):  # contents of kinds that are never saved
        return False


def _check_sums(file: IO[bytes]) -> None:
    """Compare all that torch will read with its CRC-32, which torch writes but does not check."""
    with zipfile.ZipFile(file) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{damaged} has another checksum")
