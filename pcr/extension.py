"""The native module, or one line on how to build it."""

from __future__ import annotations

try:
    from pcr import _native as native
except ImportError as error:
    raise ImportError(
        f"the native module of pcr can't be loaded ({error}): build it with 'bash init_repo.sh'"
    ) from error

__all__ = ["native"]
