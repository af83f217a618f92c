"""What a trained classifier makes of decoded images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torchvision.transforms import v2

from pcr.loading.windows import IMAGENET_MEAN, IMAGENET_STD
from pcr.train.checkpoint import load
from pcr.train.config import IMAGE_SIZE, RESIZE_RATIO
from pcr.train.epoch_schedule import EpochSchedule
from pcr.train.model import create_model

IMAGENET_CLASSES = 1000


class Classifier:
    """A network, and the crop and scale at which it sees images: as the trainer validates."""

    def __init__(self, network: nn.Module, image_size: int) -> None:
        """`network`: float32 images (N, 3, H, W) in, logits (N, classes) out."""
        # Channels last, convolutions take half the time on CPUs.
        self._network = network.eval().to(memory_format=torch.channels_last)
        self._prepare = v2.Compose(
            [
                v2.ToImage(),
                v2.Resize(round(image_size * RESIZE_RATIO), antialias=True),
                v2.CenterCrop(image_size),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )

    @classmethod
    def load(cls, name: str) -> Classifier:
        """The network of a checkpoint file that the trainer wrote, or torchvision's of that name.

        Raises:
            UsageError: there is no such file, and torchvision has no classifier of that name.
            PCRError: torchvision's weights, trained on ImageNet, could not be downloaded.
            FormatError: the file is not a whole checkpoint.
        """
        if not Path(name).is_file():
            return cls(create_model(name, IMAGENET_CLASSES, pretrained=True), IMAGE_SIZE)
        saved = load(Path(name))
        network = create_model(saved["arch"], len(saved["classes"]))
        network.load_state_dict(saved["model"])
        size = str(saved["config"]["image_size"] or IMAGE_SIZE)
        return cls(network, EpochSchedule.parse(size, "image_size", "a size in pixels").last)

    @torch.inference_mode()
    def log_probabilities(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """(N, classes), of images uint8 (height, width, 3) of any sizes."""
        batch = torch.stack([self._prepare(image) for image in images])
        return torch.log_softmax(self._network(batch).double(), dim=1).numpy()
