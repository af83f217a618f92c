"""Sources rewritten in place with the ladder's scans; what can't be, faithfully, is left alone."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

from pcr import jpeg
from pcr.atomic import atomic_path
from pcr.conversion.options import ConversionOptions
from pcr.errors import FormatError

# Links may lead two workers to one source: they rewrite it one after the other.
_REWRITING = [threading.Lock() for _ in range(64)]
_FORBIDDEN = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOTSUP)


class NotRewrittenError(Exception):
    """Why a source was left as it was."""


def rewrite_source(path: Path, data: bytes, options: ConversionOptions) -> int:
    """Replace a source, whose bytes are ``data``, by its form with the ladder's scans.

    All markers of the JPEG stay, and mode, owner, group, times and extended attributes of the file.
    Returns its new size in bytes. Raises NotRewrittenError where something would be lost.
    """
    target = Path(os.path.realpath(path))
    rewritten = _rewritten(data, options)
    if rewritten == data:
        return len(data)
    with _REWRITING[hash(target) % len(_REWRITING)]:
        found = target.stat()
        _check_replaceable(found)
        try:
            _replace(target, rewritten, found)
        except OSError as error:
            if error.errno not in _FORBIDDEN:
                raise
            raise NotRewrittenError(
                f"the file can't be replaced with its owner and attributes: {error.strerror}"
            ) from None
    return len(rewritten)


def _rewritten(data: bytes, options: ConversionOptions) -> bytes:
    # Other parts of the file may say where it is: the index of an MPO file, a maker's notes.
    if int(jpeg.split(data)[-1]) + len(jpeg.EOI) < len(data):
        raise NotRewrittenError(
            "other data follow the image, as in MPO files, and would not be found after it moved"
        )
    try:
        return jpeg.transcode(
            data,
            options.ladder.scripts,
            copy_markers="all",
            max_pixels=options.max_pixels,
            restart_rows=options.restart_rows,
        ).tobytes()
    except FormatError as error:
        raise NotRewrittenError(f"not with all its markers: {error}") from None


def _check_replaceable(found: os.stat_result) -> None:
    """Raise NotRewrittenError for a file that its owner protects, or that has other names."""
    if not found.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise NotRewrittenError("the file is read-only")
    if os.geteuid() not in (0, found.st_uid):
        raise NotRewrittenError("the file belongs to another user")
    if found.st_nlink > 1:
        raise NotRewrittenError(f"the file has {found.st_nlink} names (hard links)")


def _replace(target: Path, data: bytes, found: os.stat_result) -> None:
    with atomic_path(target) as temporary:
        temporary.touch(0o600, exist_ok=False)  # as private as any source
        temporary.write_bytes(data)
        if (temporary.stat().st_uid, temporary.stat().st_gid) != (found.st_uid, found.st_gid):
            os.chown(temporary, found.st_uid, found.st_gid)
        _copy_attributes(target, temporary)
        temporary.chmod(stat.S_IMODE(found.st_mode))  # after chown, which clears some bits
        os.utime(temporary, ns=(found.st_atime_ns, found.st_mtime_ns))


def _copy_attributes(source: Path, target: Path) -> None:
    """Extended attributes, access lists among them; shutil.copystat skips those that fail."""
    if not hasattr(os, "listxattr"):
        return
    present = set(os.listxattr(target))
    for name in os.listxattr(source):
        value = os.getxattr(source, name)
        if name not in present or os.getxattr(target, name) != value:
            os.setxattr(target, name, value)
