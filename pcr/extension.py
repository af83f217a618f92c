"""What the build makes, the native module and the protobuf code, or one line on how to build them."""

from __future__ import annotations

try:
    from pcr import _native as native
    from pcr._generated import pcr_pb2
except ImportError as error:
    raise ImportError(
        f"pcr is not built for this environment ({error}): build it with 'bash init_repo.sh'"
    ) from error

__all__ = ["native", "pcr_pb2"]
