"""The classifier to train: any of torchvision's."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError

import torch
import torchvision

from pcr.errors import PCRError, UsageError

# Their second output, an auxiliary loss, is not part of the paper's training.
_WITH_AUXILIARY_OUTPUT = ("googlenet", "inception_v3")


def create_model(arch: str, num_classes: int, pretrained: bool = False) -> torch.nn.Module:
    """A torchvision classifier: float32 images (N, 3, H, W) in, logits (N, num_classes) out.

    With `pretrained`, its weights are torchvision's best for ImageNet, downloaded once and kept in
    torch's cache; a last layer for another number of classes starts with random weights.

    Raises:
        UsageError: torchvision has no classifier of that name.
        PCRError: the weights could not be downloaded, or don't fit.
    """
    _check_name(arch)
    options: dict[str, Any] = {"num_classes": num_classes}
    if arch in _WITH_AUXILIARY_OUTPUT:
        options |= {"aux_logits": False, "init_weights": True}
    model = torchvision.models.get_model(arch, **options)
    if pretrained:
        _load_pretrained(model, arch)
    return model


def create_published(arch: str) -> tuple[torch.nn.Module, Any]:
    """A torchvision classifier with its best weights for ImageNet, and the transform published with them.

    Raises:
        UsageError, PCRError: as `create_model`.
    """
    _check_name(arch)
    weights = torchvision.models.get_model_weights(arch).DEFAULT
    with _download_errors(arch, weights.url):
        model = torchvision.models.get_model(arch, weights=weights)
    return model, weights.transforms()


@contextmanager
def compile_errors(arch: str) -> Iterator[None]:
    """Turn what torch.compile can't do into one line; it compiles when a model is first called.

    Raises:
        PCRError: torch could not compile the model.
    """
    try:
        yield
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        reason = " ".join(str(error).split())[:300]
        raise PCRError(
            f"torch {torch.__version__} can't compile {arch} here: leave out `compile` ({reason})"
        ) from error


def _check_name(arch: str) -> None:
    names = torchvision.models.list_models(module=torchvision.models)
    if arch not in names:
        close = difflib.get_close_matches(arch, names) or ["resnet18", "shufflenet_v2_x0_5"]
        raise UsageError(
            f"torchvision has no classifier {arch}; did you mean {', '.join(close)}?", "arch"
        )


def _load_pretrained(model: torch.nn.Module, arch: str) -> None:
    """Fill in the weights that torchvision publishes, except for layers of another shape."""
    weights = torchvision.models.get_model_weights(arch).DEFAULT
    with _download_errors(arch, weights.url):
        published = weights.get_state_dict(progress=True, check_hash=True)
    own = model.state_dict()
    fitting = {
        name: value
        for name, value in published.items()
        if name in own and own[name].shape == value.shape
    }
    model.load_state_dict(fitting, strict=False)


@contextmanager
def _download_errors(arch: str, url: str) -> Iterator[None]:
    try:
        yield
    except (URLError, OSError, RuntimeError) as error:
        raise PCRError(
            f"the pretrained weights of {arch} can't be had from {url} ({error}): put the file into "
            f"{torch.hub.get_dir()}/checkpoints"
        ) from error
