"""What a trained classifier makes of decoded images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torchvision.transforms import InterpolationMode, v2

from pcr.errors import UsageError
from pcr.loading.windows import IMAGENET_MEAN, IMAGENET_STD
from pcr.train.checkpoint import load
from pcr.train.config import IMAGE_SIZE, RESIZE_RATIO
from pcr.train.epoch_schedule import EpochSchedule
from pcr.train.model import create_model, create_published


class Classifier:
    """A network, and the crop and scale at which it sees images."""

    def __init__(
        self,
        network: nn.Module,
        image_size: int,
        resize_size: int | None = None,
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
    ) -> None:
        """`network`: float32 images (N, 3, H, W) in, logits (N, classes) out.

        image_size: edge of what it sees of an image, in pixels. resize_size: shorter edge of the
            image from whose centre that is cut; None: as the trainer validates.
        """
        # Channels last, convolutions take half the time on CPUs.
        self._network = network.eval().to(memory_format=torch.channels_last)
        resize_size = resize_size or round(image_size * RESIZE_RATIO)
        self._prepare = v2.Compose(
            [
                v2.ToImage(),
                v2.Resize(resize_size, interpolation, antialias=True),
                v2.CenterCrop(image_size),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )

    @classmethod
    def load(cls, name: str) -> Classifier:
        """The network of a checkpoint file that the trainer wrote, or torchvision's of that name.

        Torchvision's sees images at the size and scale at which torchvision validated it.

        Raises:
            UsageError: there is no such file, and torchvision has no classifier of that name.
            PCRError: torchvision's weights, trained on ImageNet, could not be downloaded.
            FormatError: the file is not a whole checkpoint.
        """
        return cls._saved(Path(name)) if Path(name).is_file() else cls._published(name)

    @classmethod
    def _saved(cls, path: Path) -> Classifier:
        saved = load(path)
        outputs = saved["config"]["num_classes"] or len(saved["classes"])
        network = create_model(saved["arch"], outputs)
        network.load_state_dict(saved["model"])
        size = str(saved["config"]["image_size"] or IMAGE_SIZE)
        return cls(network, EpochSchedule.parse(size, "image_size", "a size in pixels").last)

    @classmethod
    def _published(cls, name: str) -> Classifier:
        try:
            network, seen = create_published(name)
        except UsageError as error:
            raise UsageError(f"{name}: no such file, and {error.reason}") from None
        return cls(network, seen.crop_size[0], seen.resize_size[0], seen.interpolation)

    @torch.inference_mode()
    def log_probabilities(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """(N, classes), of images uint8 (height, width, 3) of any sizes."""
        batch = torch.stack([self._prepare(image) for image in images])
        return torch.log_softmax(self._network(batch).double(), dim=1).numpy()
