"""Types of the native module; the public API is pcr.jpeg's."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Buffer: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]

class ColorSpace:
    """Colour space of a JPEG's components."""

    unknown: ColorSpace
    grayscale: ColorSpace
    ycbcr: ColorSpace
    rgb: ColorSpace
    cmyk: ColorSpace
    ycck: ColorSpace
    @property
    def name(self) -> str: ...

class Header:
    """What a JPEG says of itself before its first scan."""

    width: int
    height: int
    components: int
    precision: int
    progressive: bool
    arithmetic: bool
    color_space: ColorSpace
    adobe_transform: int
    orientation: int

def header(jpeg: Buffer) -> Header: ...
def split(jpeg: Buffer) -> NDArray[np.int64]: ...
def transcode(
    jpeg: Buffer,
    scripts: dict[int, NDArray[np.int32]],
    copy_markers: str,
    max_pixels: int,
    coder: str,
    restart_rows: int,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], Header]: ...
def pack(parts: Sequence[Buffer]) -> bytes: ...
def ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float: ...

class RecordJoiner:
    """Joins a record's scan groups while they are read."""

    def __init__(self, metadata: Buffer, levels: int) -> None: ...
    def feed(self, level: int, chunk: Buffer) -> None: ...
    def finish(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]: ...

BATCH_IMAGE: np.dtype[np.void]

class DecodeJob:
    def wait(self) -> list[tuple[int, str]]: ...

class DecodePool:
    """Threads that decode batches of JPEGs into arrays."""

    def __init__(
        self,
        num_threads: int,
        *,
        dtype: str = "float32",
        layout: str = "NCHW",
        mean: Sequence[float] = (0, 0, 0),
        std: Sequence[float] = (1, 1, 1),
        decoder: str = "native",
        block_smoothing: bool = False,
        oversampling: float = 1.0,
        resize_first: bool = False,
        max_pixels: int = ...,
    ) -> None: ...
    def begin(
        self, jpegs: Sequence[Buffer], out: NDArray[Any], images: NDArray[np.void] | None = None
    ) -> DecodeJob: ...
    def stage_seconds(self) -> dict[str, float]: ...

def decode_rgb(
    jpeg: Buffer,
    decoder: str = "native",
    block_smoothing: bool = False,
    scale: int = 1,
    max_pixels: int = ...,
    window: tuple[int, int, int, int] | None = None,
) -> NDArray[np.uint8]: ...
def image_keys(epoch_key: np.uint64, images: NDArray[np.uint64]) -> NDArray[np.uint64]: ...
def uniforms(keys: NDArray[np.uint64], stream: int, count: int) -> NDArray[np.float64]: ...
def random_resized_crops(
    sizes: NDArray[np.int64],
    keys: NDArray[np.uint64],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    flip: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]: ...
def picture_sizes(
    jpegs: Sequence[Buffer], spans: NDArray[np.int64] | None = None
) -> NDArray[np.int64]: ...

test_support: ModuleType  # what only tests ask for
