#!/usr/bin/env python3
"""Make JPEGs of the size and weight of ImageNet's (500 x 375, about 110 KB), offline, from real photographs.

python3 benchmarks/images.py OUT [--images 1000] [--seed 0] [--size 500 375]

Each image is a different window, scale and flip of a photograph that scikit-image or scikit-learn
ships. Small ones (`--size`) weigh what they do at quality 98. The result is an ImageFolder with one
class per photograph. The same seed and package versions give the same bytes.
"""

from __future__ import annotations

import argparse
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
from make_sample_dataset import read_photograph

PHOTOGRAPHS = (
    "astronaut",
    "chelsea",
    "china",
    "coffee",
    "flower",
    "hubble_deep_field",
    "ihc",
    "motorcycle",
)
SIZE = (500, 375)  # width, height
MEAN_BYTES, SPREAD_BYTES, LEAST_BYTES = 120_000, 40_000, 30_000
QUALITIES = (98, 97, 96, 95, 93, 90, 85, 80, 70)
SCALES = (0.5, 1.0)  # a window's side, as a share of the largest that fits


def write_images(out: Path, images: int, seed: int = 0, size: tuple[int, int] = SIZE) -> None:
    """Write that many JPEGs below ``out``, spread evenly over the photographs."""
    photographs = [read_photograph(name) for name in PHOTOGRAPHS]
    for name in PHOTOGRAPHS:
        (out / name).mkdir(parents=True, exist_ok=True)
    write = partial(_write_image, out, photographs, seed, size)
    with ThreadPoolExecutor() as pool:
        for _ in tqdm(pool.map(write, range(images)), "Images", images, unit=" images"):
            pass


def _write_image(
    out: Path, photographs: list[Image.Image], seed: int, size: tuple[int, int], number: int
) -> None:
    random = np.random.default_rng((seed, number))
    index = number % len(photographs)
    window = _window(photographs[index], random, size)
    target = max(LEAST_BYTES, random.normal(MEAN_BYTES, SPREAD_BYTES))
    path = out / PHOTOGRAPHS[index] / f"{number:06d}.JPEG"
    path.write_bytes(_encode(window, target))


def _window(
    photograph: Image.Image, random: np.random.Generator, size: tuple[int, int]
) -> Image.Image:
    fit = min(photograph.width / size[0], photograph.height / size[1])
    width, height = (int(side * fit * random.uniform(*SCALES)) for side in size)
    left = int(random.integers(photograph.width - width + 1))
    top = int(random.integers(photograph.height - height + 1))
    window = photograph.crop((left, top, left + width, top + height))
    window = window.resize(size, Image.Resampling.BICUBIC)
    # Grain, which photographs of this size have and enlarged windows do not.
    noise = random.normal(0, 6, (size[1], size[0], 1))
    window = Image.fromarray(np.clip(np.asarray(window) + noise, 0, 255).astype(np.uint8))
    return window.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.integers(2) else window


def _encode(image: Image.Image, most_bytes: float) -> bytes:
    """The JPEG of the highest quality that is not above ``most_bytes``."""
    for quality in QUALITIES:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        if stream.tell() <= most_bytes:
            break
    return stream.getvalue()


def main() -> None:
    """Parse, make, say how large."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, metavar=("WIDTH", "HEIGHT"))
    arguments = parser.parse_args()
    write_images(arguments.out, arguments.images, arguments.seed, tuple(arguments.size))
    sizes = [path.stat().st_size for path in arguments.out.rglob("*.JPEG")]
    print(f"{arguments.out}: {len(sizes)} images, mean {np.mean(sizes):,.0f} bytes")


if __name__ == "__main__":
    main()
