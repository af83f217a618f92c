"""Batches as PyTorch tensors, on the CPU or copied ahead to a CUDA device; imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnValues
from pcr.errors import UsageError
from pcr.loading.buffers import CHANNELS_LAST, STORED_DTYPES, ArrayPool, Batch, BatchSpec, are_alike


class TorchOutput:
    """Batches as tensors in the CPU's memory; an `Output`."""

    def __init__(self, spec: BatchSpec, keep: int) -> None:
        self.spec = spec
        self.dtype: torch.dtype = getattr(torch, spec.dtype)
        self._pool = ArrayPool(spec.stored_shape, STORED_DTYPES[spec.dtype], keep)

    def buffer(self) -> NDArray[Any]:
        """See `Output`."""
        return self._pool.take()

    def images(self, buffer: NDArray[Any], count: int) -> torch.Tensor:
        """See `Output`."""
        images = torch.from_numpy(buffer[:count])
        if images.dtype != self.dtype:
            images = images.view(self.dtype)
        return images.permute(0, 3, 1, 2) if self.spec.layout == CHANNELS_LAST else images

    def whole_image(self, image: NDArray[np.uint8]) -> torch.Tensor:
        """See `Output`."""
        tensor = torch.from_numpy(image)
        return tensor if self.spec.layout == "NHWC" else tensor.permute(2, 0, 1)

    def values(self, values: ColumnValues) -> torch.Tensor | list[Any]:
        """Arrays as tensors, in lists too; see `Output`."""
        if isinstance(values, np.ndarray):
            return torch.from_numpy(values)
        return [torch.from_numpy(v) if isinstance(v, np.ndarray) else v for v in values]

    def collect(self, images: list[Any]) -> torch.Tensor | list[Any]:
        """See `Output`."""
        return torch.stack(images) if are_alike(images, torch.Tensor) else images

    def send(self, batch: Batch) -> Any:
        """See `Output`."""
        return batch

    def deliver(self, sent: Any) -> Batch:
        """See `Output`."""
        delivered: Batch = sent
        return delivered


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

    def send(self, batch: Batch) -> tuple[Batch, torch.cuda.Event]:
        """Begin to copy the tensors, but not those in lists; with the event of the copies' end."""
        with torch.cuda.stream(self._stream):
            sent = {name: self._copied(value) for name, value in batch.items()}
            return sent, self._stream.record_event()

    def _copied(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        pinned = value if value.is_pinned() else value.pin_memory()
        return pinned.to(self.device, non_blocking=True)

    def deliver(self, sent: tuple[Batch, torch.cuda.Event]) -> Batch:
        """Make the user's stream wait for the copies, and tell the allocator who uses the tensors."""
        batch, copied = sent
        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(copied)
        for value in batch.values():
            if isinstance(value, torch.Tensor):
                value.record_stream(stream)
        return batch


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
