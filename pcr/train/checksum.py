"""A checksum over the contents of a checkpoint, so that what was loaded is what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import xxhash
from torch import Tensor


def checksum(contents: Any) -> str:
    """XXH3 (128 bits, in hexadecimal) of dictionaries, lists, tuples, tensors and plain values.

    Depends on every value, type, shape and order, but not on the device of a tensor.
    """
    digest = xxhash.xxh3_128()
    for part in _parts(contents):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes | memoryview]:
    if isinstance(value, Tensor):
        yield f"tensor {value.dtype} {tuple(value.shape)};".encode()
        # By way of bytes, because NumPy has no bfloat16.
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
    elif isinstance(value, dict):
        yield f"dict {len(value)};".encode()
        for item in value.items():
            yield from _parts(item)
    elif isinstance(value, list | tuple):
        yield f"{type(value).__name__} {len(value)};".encode()
        for inner in value:
            yield from _parts(inner)
    else:
        text = repr(value)
        yield f"{type(value).__name__} {len(text)} {text};".encode()
