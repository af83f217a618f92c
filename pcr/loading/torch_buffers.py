"""Batches as PyTorch tensors, on the CPU or copied ahead to a CUDA device; imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pcr.errors import UsageError
from pcr.loading.buffers import STORED_DTYPES, ArrayPool, BatchSpec


class TorchOutput:
    """Batches as tensors in the CPU's memory; an `Output`."""

    def __init__(self, spec: BatchSpec, keep: int) -> None:
        self.spec = spec
        self.dtype: torch.dtype = getattr(torch, spec.dtype)
        self._pool = ArrayPool(spec.stored_shape, STORED_DTYPES[spec.dtype], keep)

    def buffer(self) -> NDArray[Any]:
        """See `Output`."""
        return self._pool.take()

    def finish(self, buffer: NDArray[Any], labels: NDArray[np.int64]) -> tuple[Any, Any]:
        """See `Output`."""
        images = torch.from_numpy(buffer[: len(labels)]).view(self.dtype)
        return self._as_nchw(images), torch.from_numpy(labels)

    def finish_whole(
        self, images: list[NDArray[np.uint8]], labels: NDArray[np.int64]
    ) -> tuple[Any, Any]:
        """See `Output`."""
        return [torch.from_numpy(image) for image in images], torch.from_numpy(labels)

    def deliver(self, images: Any, labels: Any) -> tuple[Any, Any]:
        """See `Output`."""
        return images, labels

    def _as_nchw(self, images: torch.Tensor) -> torch.Tensor:
        return images.permute(0, 3, 1, 2) if self.spec.layout == "NHWC" else images


class CudaOutput(TorchOutput):
    """Batches on a CUDA device, copied from pinned memory on a stream of their own.

    See https://docs.pytorch.org/docs/stable/notes/cuda.html. PyTorch's allocator of pinned memory
    gives a block out again only when the copies from it are done, and keeps blocks, so a new tensor
    per batch costs nothing.
    """

    def __init__(self, spec: BatchSpec, device: torch.device) -> None:
        super().__init__(spec, keep=0)
        if not torch.cuda.is_available():
            raise UsageError(f"expected one that is there, found {str(device)!r}", "device")
        self.device = device
        self._stream = torch.cuda.Stream(device)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.spec, self.device)

    def buffer(self) -> NDArray[Any]:
        """Where the next batch goes, in pinned memory."""
        dtype = getattr(torch, np.dtype(STORED_DTYPES[self.spec.dtype]).name)
        return torch.empty(self.spec.stored_shape, dtype=dtype, pin_memory=True).numpy()

    def finish(self, buffer: NDArray[Any], labels: NDArray[np.int64]) -> tuple[Any, Any]:
        """Begin the copy; the images come with the event of its end."""
        host_images, host_labels = super().finish(buffer, labels)
        with torch.cuda.stream(self._stream):
            images = host_images.to(self.device, non_blocking=True)
            device_labels = host_labels.pin_memory().to(self.device, non_blocking=True)
            return (images, self._stream.record_event()), device_labels

    def deliver(self, images: Any, labels: Any) -> tuple[Any, Any]:
        """Make the user's stream wait for the copy, and tell the allocator who uses the tensors."""
        tensor, copied = images
        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(copied)
        for used in (tensor, labels):
            used.record_stream(stream)
        return tensor, labels


def tensor_output(spec: BatchSpec, keep: int, device: object) -> TorchOutput:
    """Tensors on ``device``, the CPU or a CUDA device; ``keep`` buffers are kept."""
    try:
        target = torch.device(device if isinstance(device, torch.device) else str(device))
    except RuntimeError:
        raise UsageError(f"expected cpu or cuda, found {str(device)!r}", "device") from None
    if target.type == "cpu":
        return TorchOutput(spec, keep)
    if target.type == "cuda":
        return CudaOutput(spec, target)
    raise UsageError(f"expected cpu or cuda, found {str(device)!r}", "device")
