"""Where decoded batches lie: buffers that are used again, and what the user gets to see of them.

This module knows NumPy only; pcr/loading/torch_buffers.py has the same for PyTorch.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pcr.dataset.column_types import ColumnValues

# What the decoder writes: NumPy has no bfloat16, so both 16-bit types are stored as their bits.
STORED_DTYPES: dict[str, type[np.generic]] = {
    "uint8": np.uint8,
    "float32": np.float32,
    "float16": np.uint16,
    "bfloat16": np.uint16,
}
CHANNELS_LAST = "channels_last"  # shape NCHW, in memory as NHWC
LAYOUTS = ("NCHW", "NHWC", CHANNELS_LAST)
Batch: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class BatchSpec:
    """The tensors of a batch: their shape, and `layout` their order in memory."""

    batch_size: int
    height: int
    width: int
    dtype: str
    layout: str

    @property
    def stored_shape(self) -> tuple[int, int, int, int]:
        """Of the buffer that the decoder fills."""
        if self.stored_layout == "NCHW":
            return self.batch_size, 3, self.height, self.width
        return self.batch_size, self.height, self.width, 3

    @property
    def stored_layout(self) -> str:
        """The order in memory: NCHW or NHWC."""
        return "NCHW" if self.layout == "NCHW" else "NHWC"


class ArrayPool:
    """Memory for arrays of one shape and dtype; that of an array which is gone is used again.

    So a batch stays as it is for as long as somebody holds it or a view of it, and a loop that
    drops its batches touches no new memory (to map and clear a batch of floats takes about a tenth
    of the time that decoding it does).
    """

    def __init__(self, shape: Sequence[int], dtype: type[np.generic], keep: int) -> None:
        """``keep``: how many idle ones are kept at most."""
        self._shape, self._dtype, self._keep = tuple(shape), dtype, keep
        self._idle: deque[_Return] = deque(maxlen=keep)

    def __len__(self) -> int:
        """How many are idle."""
        return len(self._idle)

    def take(self) -> NDArray[Any]:
        """An array with any content."""
        try:
            memory = self._idle.pop().memory  # the last one used, which may still be in a cache
        except IndexError:
            memory = np.empty(self._shape, self._dtype)
        return np.asarray(_Owner(memory, self._idle))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._shape, self._dtype, self._keep)


class _Owner:
    """Owns one array's memory; with the last view of it, the memory goes back to the pool.

    NumPy holds the object whose interface it was given for as long as the array or a view exists,
    and so does all that is made of them (tensors, memory views, DLPack capsules). References are
    held, never counted, so it does not matter how an interpreter counts them.
    """

    __slots__ = ("__array_interface__", "__weakref__", "_return")

    def __init__(self, memory: NDArray[Any], idle: deque[_Return]) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._return = _Return(self, idle.append)
        self._return.memory = memory


class _Return(weakref.ref[_Owner]):
    """What is idle once its owner is gone.

    Not a ``__del__``: this callback runs no bytecode, in which Ctrl-C would be raised and lost.
    """

    __slots__ = ("memory",)
    memory: NDArray[Any]


class Output(Protocol):
    """Batches as some library's arrays.

    A batch is a dictionary: ``images``, ``labels`` and what else was asked for, by name.
    """

    @property
    def spec(self) -> BatchSpec:
        """The tensors of a batch."""

    def buffer(self) -> NDArray[Any]:
        """Where the decoder puts the next batch: C-contiguous, of the spec's stored shape."""

    def images(self, buffer: NDArray[Any], count: int) -> Any:
        """The first ``count`` images of a decoded buffer."""

    def whole_image(self, image: NDArray[np.uint8]) -> Any:
        """An image of its own size, of shape (height, width, 3)."""

    def values(self, values: ColumnValues) -> Any:
        """What else there is of each image: an array, or a list."""

    def collect(self, images: list[Any]) -> Any:
        """Images that somebody else made as one array, if they are arrays of one kind."""

    def send(self, batch: Batch) -> Any:
        """The last step on the background thread: what `deliver` takes."""

    def deliver(self, sent: Any) -> Batch:
        """The last step, on the thread of the user: what it gets."""


class NumpyOutput:
    """Batches as NumPy arrays; an `Output`."""

    def __init__(self, spec: BatchSpec, keep: int) -> None:
        self.spec = spec
        self._pool = ArrayPool(spec.stored_shape, STORED_DTYPES[spec.dtype], keep)

    def buffer(self) -> NDArray[Any]:
        """See `Output`."""
        return self._pool.take()

    def images(self, buffer: NDArray[Any], count: int) -> NDArray[Any]:
        """See `Output`."""
        images = buffer[:count]
        if self.spec.dtype == "float16":
            images = images.view(np.float16)
        return images.transpose(0, 3, 1, 2) if self.spec.layout == CHANNELS_LAST else images

    def whole_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `Output`."""
        return image if self.spec.layout == "NHWC" else image.transpose(2, 0, 1)

    def values(self, values: ColumnValues) -> ColumnValues:
        """See `Output`."""
        return values

    def collect(self, images: list[Any]) -> NDArray[Any] | list[Any]:
        """See `Output`."""
        return np.stack(images) if are_alike(images, np.ndarray) else images

    def send(self, batch: Batch) -> Batch:
        """See `Output`."""
        return batch

    def deliver(self, sent: Batch) -> Batch:
        """See `Output`."""
        return sent


def are_alike(images: list[Any], kind: type) -> bool:
    """Whether all are arrays of this kind, of one shape and dtype; there is one or more."""
    if not images or not all(isinstance(image, kind) for image in images):
        return False
    return len({(tuple(image.shape), image.dtype) for image in images}) == 1
