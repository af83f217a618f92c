#!/usr/bin/env python3
"""Make an ImageFolder of real-photograph JPEG crops, offline, from installed packages.

A class is one photograph of scikit-image or scikit-learn. Each photograph is divided into a grid of
blocks; a crop is within one block, and training and validation use different blocks, so no pixel is
in both splits. The same seed and package versions give the same bytes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

# Class name: package and file. All are in the wheels; nothing is downloaded.
PHOTOGRAPHS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "brick": ("skimage", "data/brick.png"),
    "camera": ("skimage", "data/camera.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "coffee": ("skimage", "data/coffee.png"),
    "coins": ("skimage", "data/coins.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
    "hubble_deep_field": ("skimage", "data/hubble_deep_field.jpg"),
    "ihc": ("skimage", "data/ihc.png"),
    "moon": ("skimage", "data/moon.png"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "retina": ("skimage", "data/retina.jpg"),
    "rocket": ("skimage", "data/rocket.jpg"),
}
SPLITS = ("train", "val")
GRID_COLUMNS, GRID_ROWS = 3, 2
VAL_BLOCKS = {(2, 0), (0, 1)}  # (column, row): one of each row, for both halves of a scene
CROP_SHARE = (0.6, 1.0)  # a crop's side, as a share of its block's shorter side
ASPECT = (0.8, 1.25)  # width / height
SIDE_PIXELS = (256, 500)
QUALITIES = (75, 80, 85, 90, 95)
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0", "4:2:0")
GRAYSCALE_SHARE = 0.2  # of all crops, so that colour alone does not tell the class
MINIMUM_CONTRAST = 6.0  # standard deviation of gray values: no crop of plain sky or black
CONTRAST_TRIES = 20


@dataclass(frozen=True)
class Crop:
    """One JPEG to write."""

    class_name: str
    split: str
    number: int
    seed: int

    @property
    def path(self) -> Path:
        """Its path relative to the dataset's root."""
        return Path(self.split, self.class_name, f"{self.class_name}_{self.number:05d}.jpg")

    def random(self) -> np.random.Generator:
        """Its own source of randomness, so that the order of work does not matter."""
        class_index = sorted(PHOTOGRAPHS).index(self.class_name)
        split_index = SPLITS.index(self.split)
        return np.random.default_rng((self.seed, class_index, split_index, self.number))


def read_photograph(class_name: str) -> Image.Image:
    """Open a photograph from the package that ships it.

    Raises:
        FileNotFoundError: the installed version of the package does not ship it.
    """
    package, name = PHOTOGRAPHS[class_name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"package {package} is missing: run 'bash install_python_deps.sh'")
    path = Path(spec.origin).parent / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the photograph '{class_name}', found no file")
    with Image.open(path) as image:
        return image.convert("RGB")


def blocks(size: tuple[int, int], split: str) -> list[tuple[int, int, int, int]]:
    """The (left, top, right, bottom) pixel boxes of the grid's blocks that belong to a split."""
    width, height = size
    return [
        (
            width * column // GRID_COLUMNS,
            height * row // GRID_ROWS,
            width * (column + 1) // GRID_COLUMNS,
            height * (row + 1) // GRID_ROWS,
        )
        for row in range(GRID_ROWS)
        for column in range(GRID_COLUMNS)
        if ((column, row) in VAL_BLOCKS) == (split == "val")
    ]


def cut(photograph: Image.Image, split: str, random: np.random.Generator) -> Image.Image:
    """Cut a random window out of one of the split's blocks."""
    choices = blocks(photograph.size, split)
    for _ in range(CONTRAST_TRIES):
        left, top, right, bottom = choices[random.integers(len(choices))]
        side = random.uniform(*CROP_SHARE) * min(right - left, bottom - top)
        aspect = random.uniform(*ASPECT)
        width, height = int(side * min(1, aspect)), int(side * min(1, 1 / aspect))
        x = int(random.integers(left, right - width + 1))
        y = int(random.integers(top, bottom - height + 1))
        window = photograph.crop((x, y, x + width, y + height))
        if np.asarray(window.convert("L")).std() >= MINIMUM_CONTRAST:
            break
    return window


def write_crop(crop: Crop, photograph: Image.Image, root: Path) -> int:
    """Cut, scale and encode one crop; returns the file's size in bytes."""
    random = crop.random()
    window = cut(photograph, crop.split, random)
    long_side = random.uniform(SIDE_PIXELS[0] * max(ASPECT), SIDE_PIXELS[1])
    scale = long_side / max(window.size)
    width, height = (max(SIDE_PIXELS[0], round(side * scale)) for side in window.size)
    window = window.resize((width, height), Image.Resampling.BICUBIC)
    if random.random() < GRAYSCALE_SHARE:
        window = window.convert("L")
    path = root / crop.path
    window.save(
        path,
        "JPEG",
        quality=int(random.choice(QUALITIES)),
        subsampling=str(random.choice(SUBSAMPLINGS)) if window.mode == "RGB" else -1,
        optimize=bool(random.integers(2)),
    )
    return path.stat().st_size


def plan(train: int, val: int, seed: int) -> list[Crop]:
    """List the crops of both splits, spread evenly over the classes."""
    names = sorted(PHOTOGRAPHS)
    return [
        Crop(names[i % len(names)], split, i // len(names), seed)
        for split, count in zip(SPLITS, (train, val), strict=True)
        for i in range(count)
    ]


def write_crops(crops: list[Crop], root: Path) -> int:
    """Write all crops under `root`, with a progress bar; returns their bytes."""
    photographs = {name: read_photograph(name) for name in PHOTOGRAPHS}
    for folder in {(root / crop.path).parent for crop in crops}:
        folder.mkdir(parents=True)

    def write(crop: Crop) -> int:
        return write_crop(crop, photographs[crop.class_name], root)

    with ThreadPoolExecutor() as pool:
        sizes = pool.map(write, crops)
        return sum(tqdm(sizes, "Sample dataset", len(crops), unit=" images", mininterval=1))


def make_dataset(out: Path, crops: list[Crop]) -> int:
    """Write the dataset to a temporary folder and move it when complete; returns its bytes."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".unfinished_") as folder:
        total_bytes = write_crops(crops, Path(folder))
        for split in SPLITS:
            shutil.rmtree(out / split, ignore_errors=True)
            (Path(folder) / split).rename(out / split)
    return total_bytes


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write train/ and val/ to")
    add = parser.add_argument
    add("--train", type=int, default=2400, metavar="N", help="training images (%(default)s)")
    add("--val", type=int, default=600, metavar="N", help="validation images (%(default)s)")
    add("--seed", type=int, default=0, help="another seed gives different crops (%(default)s)")
    add("--force", action="store_true", help="replace train/ and val/ if OUT is not empty")
    options = parser.parse_args(arguments)
    for split in SPLITS:
        if getattr(options, split) < len(PHOTOGRAPHS):
            parser.error(f"--{split}: expected at least {len(PHOTOGRAPHS)}, one image per class")
    if options.seed < 0:
        parser.error("--seed: expected 0 or more")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Make the dataset; returns the exit code."""
    options = parse_arguments(arguments)
    try:
        if options.out.exists() and any(options.out.iterdir()) and not options.force:
            raise FileExistsError(
                f"{options.out} is not empty: --force replaces its train/ and val/"
            )
        total_bytes = make_dataset(options.out, plan(options.train, options.val, options.seed))
    except OSError as error:
        print(f"make_sample_dataset.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make_sample_dataset.py: stopped, nothing was written", file=sys.stderr)
        return 130
    print(
        f"{options.out}: {options.train} training and {options.val} validation images of "
        f"{len(PHOTOGRAPHS)} classes, {total_bytes / 1e6:.1f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
