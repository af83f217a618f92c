"""Callables of the user: one for each image, on the loader's threads, one for each batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

from pcr.errors import PCRError, UsageError

ImageTransform: TypeAlias = Callable[..., Any]
"""Takes an image, and ``seed`` if it has such a parameter; gives what the batch is to have."""
BatchTransform: TypeAlias = Callable[..., Any]
"""Takes what the loader would hand out, images and labels or a dictionary, and gives the same."""

_SEE = "see docs/guides/transforms.md"


def check_callable(**values: object) -> None:
    """Raise UsageError of the parameter for anything but a callable, or None."""
    for name, value in values.items():
        if value is not None and (isinstance(value, type) or not callable(value)):
            raise UsageError(
                f"expected a function, or an object that can be called, found {value!r}: windows, "
                f"such as TrainTransform, go into transform; {_SEE}",
                name,
            )


def transform_images(
    transform: ImageTransform,
    images: Sequence[Any],
    seeds: Sequence[int],
    executor: ThreadPoolExecutor,
) -> list[Any]:
    """What becomes of each image. UsageError, saying what it was given, where the transform fails."""
    call = partial(_transform_image, transform, _takes_seed(transform))
    return list(executor.map(call, images, seeds))


def _takes_seed(transform: ImageTransform) -> bool:
    try:
        return "seed" in inspect.signature(transform).parameters
    except (TypeError, ValueError):  # of C code that does not tell
        return False


def _transform_image(transform: ImageTransform, takes_seed: bool, image: Any, seed: int) -> Any:
    try:
        return transform(image, seed=seed) if takes_seed else transform(image)
    except (PCRError, MemoryError):
        raise
    except Exception as error:
        kind = f"{type(image).__name__} of {image.dtype} and shape {tuple(image.shape)}"
        raise UsageError(
            f"expected it to take a {kind}, found {_described(error)}: {_SEE}", "image_transform"
        ) from error


def transform_batch(
    transform: BatchTransform, batch: dict[str, Any], named: bool
) -> dict[str, Any]:
    """What becomes of a batch: a dictionary, or one of ``images`` and ``labels`` alone.

    named: whether the loader hands out dictionaries. UsageError where the transform fails, or
    returns anything else.
    """
    what = "a dictionary" if named else "images and labels"
    try:
        made = transform(batch) if named else transform(batch["images"], batch["labels"])
    except (PCRError, MemoryError):
        raise
    except Exception as error:
        raise UsageError(
            f"expected it to take {what}, found {_described(error)}: {_SEE}", "batch_transform"
        ) from error
    if named and isinstance(made, dict):
        return made
    if not named and isinstance(made, tuple | list) and len(made) == 2:
        return {"images": made[0], "labels": made[1]}
    raise UsageError(
        f"expected it to return {what}, found {type(made).__name__}: {_SEE}", "batch_transform"
    )


def _described(error: Exception) -> str:
    """The first line of an error of somebody else's code."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
