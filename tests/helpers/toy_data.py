"""Small ImageFolders whose classes differ in colour, and PCR datasets made of them."""

from pathlib import Path

import numpy as np
from PIL import Image

from pcr.conversion.plan import ConversionOptions
from pcr.conversion.run import convert
from pcr.ladder import Ladder

# Of the folders that training runs are tested with.
TRAIN_IMAGES, VAL_IMAGES = 22, 10


def toy_image(rng: np.random.Generator, channel: int) -> Image.Image:
    """A soft cloud of one colour."""
    width, height = (int(edge) for edge in rng.integers(48, 90, 2))
    pixels = rng.normal(60, 25, (6, 6, 3))
    pixels[..., channel] += 120
    cloud = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return cloud.resize((width, height), Image.Resampling.BICUBIC)


def make_folder(root: Path, per_class: int, classes=("blue", "red"), seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(per_class):
            toy_image(rng, 2 - label).save(
                root / name / f"{i:03}.jpg", quality=90, subsampling=2 * (i % 2)
            )
    return root


def make_pcr(folder: Path, output: Path, batch_size: int = 8) -> Path:
    options = ConversionOptions(Ladder.load("standard"), images_per_record=batch_size)
    convert(folder, output, options, progress=False)
    return output
