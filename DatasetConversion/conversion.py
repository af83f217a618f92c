"""What the dataset converters share: options, the split, checks, and placing files.

A converter reads the layout in which its dataset is published and returns one `Sample` per image.
`run` does the rest: it splits the samples into train/ and val/, checks everything, and only then
builds the ImageFolders in a temporary folder next to the output, which it renames as the last step.
So the output is complete or absent, and the dataset's own files are never touched.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import re
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from published import ConversionError
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from pcr.cli.parser import Parser

JPEG_START = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Sample:
    """One image: its class, its file, and constraints on the split.

    Samples of one `group` stay on one side of the split (None: the image is its own group).
    `held_out` is the side that the dataset's own split prescribes (None: it prescribes none).
    """

    class_name: str
    image: Path
    group: str | None = None
    held_out: bool | None = None


@dataclass(frozen=True)
class Splits:
    """The names of the folders that hold an ImageFolder each."""

    train: str = "train"
    held_out: str = "val"
    whole: str = "train"  # all images, where nothing is held out


# Options and the run


def argument_parser(
    description: str, default_test_size: float = 0.2, whole: str = Splits.whole
) -> argparse.ArgumentParser:
    """Return a parser with the options that all converters have."""
    parser = Parser(description=description)
    parser.set_defaults(whole=whole)
    add = parser.add_argument
    add("--dataset_root", type=Path, required=True, help="folder that holds the published dataset")
    add("--output_root", type=Path, required=True, help="folder to create")
    add("--test_size", type=fraction, default=default_test_size,
        help=f"fraction to hold out; 0: all images in {whole}/ (default: %(default)s)")  # fmt: skip
    add("--held_out", choices=("val", "test"), default=Splits.held_out,
        help="folder of the held-out images (default: %(default)s)")  # fmt: skip
    add("--use_softlink", action="store_true", help="link to the images instead of copying them")
    add("--seed", type=seed_number, default=42, help="seed of the split (default: %(default)s)")
    return parser


def fraction(text: str) -> float:
    """Return a number in [0, 1), for argparse."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a fraction from 0 to below 1, found {text}")
    return value


def seed_number(text: str) -> int:
    """Return a seed that NumPy accepts, for argparse."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"expected 0 to {2**32 - 1}, found {text}")
    return value


def run(
    parser: argparse.ArgumentParser,
    read_samples: Callable[[argparse.Namespace], Iterable[Sample]],
    argv: Sequence[str] | None = None,
) -> int:
    """Parse `argv`, convert, and return the exit code: 0 done, 1 bad input, 130 interrupted.

    Wrong usage leaves through argparse with exit code 2.
    """
    arguments = parser.parse_args(argv)
    root, output = arguments.dataset_root.resolve(), arguments.output_root.resolve()
    arguments.dataset_root = root
    if output.is_relative_to(root):
        parser.error(f"--output_root {output} lies inside --dataset_root {root}")
    try:
        if not root.is_dir():
            raise ConversionError(f"{root}: expected the dataset's folder, found no folder")
        _convert(list(read_samples(arguments)), output, arguments)
    except (ConversionError, OSError) as error:
        print(f"{parser.prog}: error: {_one_line(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted, nothing was written", file=sys.stderr)
        return 130
    return 0


def _one_line(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename2 or error.filename}: {error.strerror}"
    return " ".join(text.split())


def _convert(samples: list[Sample], output: Path, arguments: argparse.Namespace) -> None:
    splits = Splits(held_out=arguments.held_out, whole=arguments.whole)
    plan = make_plan(samples, arguments.test_size, arguments.seed, splits)
    counts = Counter(path.parts[0] for path in plan)
    classes = {path.parts[1] for path in plan}
    if len(counts) == 1:  # one split may join others: val/ next to an existing train/
        (split,) = counts
        output /= split
        plan = {path.relative_to(split): image for path, image in plan.items()}
    _check_jpegs(list(plan.values()))
    if output.is_dir() and any(output.iterdir()):
        _check_identical(plan, output, arguments.use_softlink)
        print(f"{output}: already complete")
    else:
        _place(plan, output, arguments.use_softlink)
    numbers = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    print(f"{output}: {numbers}; {len(classes)} classes")


# The split


def class_directory(class_name: str) -> str:
    """Return a safe folder name: blanks become "_", slashes "-", no control or leading dots."""
    name = re.sub(r"\s+", "_", re.sub(r"[/\\]", "-", class_name.strip()))
    name = re.sub(r"[\x00-\x1f\x7f]", "", name).lstrip(".")
    if not name:
        raise ConversionError(f"class name {class_name!r} can't become a folder name")
    return name


def make_plan(
    samples: list[Sample], test_size: float, seed: int, splits: Splits
) -> dict[Path, Path]:
    """Map each file of the output, relative to its root, to the image that it comes from.

    Paths are `<split>/<class>/<name>`, all of them in `splits.whole` if `test_size` is 0 and the
    dataset has no split of its own. The result does not depend on the order of `samples`.
    """
    if not samples:
        raise ConversionError("the dataset lists no images")
    directories = {name: class_directory(name) for name in {s.class_name for s in samples}}
    if len(set(directories.values())) < len(directories):
        twice = Counter(directories.values()).most_common(1)[0][0]
        raise ConversionError(f"two classes would share the folder name {twice}")
    samples = sorted(samples, key=lambda s: (s.class_name, s.image.name, str(s.image)))
    plan: dict[Path, Path] = {}
    sides = _sides(samples, test_size, seed, splits)
    for sample, side in zip(samples, sides, strict=True):
        target = Path(side, directories[sample.class_name], sample.image.name)
        if target in plan:
            raise ConversionError(f"{sample.image} and {plan[target]} would both become {target}")
        plan[target] = sample.image
    return plan


def _sides(samples: list[Sample], test_size: float, seed: int, splits: Splits) -> list[str]:
    """Return the split of each sample."""
    if all(sample.held_out is not None for sample in samples):
        held_out = [bool(sample.held_out) for sample in samples]
    elif test_size == 0:
        return [splits.whole] * len(samples)
    else:
        held_out = _stratified(samples, test_size, seed)
    sides = [splits.held_out if out else splits.train for out in held_out]
    # ImageFolder numbers the classes that it sees, so both sides must have the same ones.
    present = defaultdict(set)
    for sample, side in zip(samples, sides, strict=True):
        present[sample.class_name].add(side)
    lonely = sorted(name for name, where in present.items() if len(where) < 2)
    if lonely:
        raise ConversionError(
            f"{len(lonely)} classes would not be in both {splits.train} and {splits.held_out}, "
            f"first {lonely[0]} (--test_size {test_size})"
        )
    return sides


def _stratified(samples: list[Sample], test_size: float, seed: int) -> list[bool]:
    """Hold out whole groups, stratified by each group's most frequent class."""
    groups = [str(s.image) if s.group is None else s.group for s in samples]
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for sample, group in zip(samples, groups, strict=True):
        members[group][sample.class_name] += 1
    names = sorted(members)
    strata = [_most_frequent(members[name]) for name in names]
    rare, count = min(Counter(strata).items(), key=lambda item: (item[1], item[0]))
    if count < 2:
        raise ConversionError(f"class {rare}: a split needs 2 independent images, found 1")
    try:
        _, chosen = train_test_split(names, test_size=test_size, random_state=seed, stratify=strata)
    except ValueError as error:  # fewer images on one side than classes
        raise ConversionError(f"--test_size {test_size}: {error}") from error
    held_out = set(chosen)
    return [group in held_out for group in groups]


def _most_frequent(classes: Counter[str]) -> str:
    return min(classes, key=lambda name: (-classes[name], name))


# Checking and placing


def _check_jpegs(images: list[Path]) -> None:
    wrong = []
    for image in tqdm(images, desc="Checking", unit="image", disable=None, leave=False):
        with image.open("rb") as file:
            if file.read(len(JPEG_START)) != JPEG_START:
                wrong.append(image)
    if wrong:
        raise ConversionError(
            f"{len(wrong)} of {len(images)} images are not JPEG in spite of their names, first "
            f"{wrong[0]}; PCR stores JPEG bytes, so save them as JPEG first"
        )


def _check_identical(plan: Mapping[Path, Path], output: Path, use_softlink: bool) -> None:
    """Raise unless `output` holds exactly what this run would write."""
    present = {Path(folder, name).relative_to(output)
               for folder, _, names in os.walk(output) for name in names}  # fmt: skip
    different = sorted(present ^ set(plan))
    if not different:
        different = [path for path, image in plan.items()
                     if not _same(output / path, image, use_softlink)][:1]  # fmt: skip
    if different:
        raise ConversionError(
            f"{output}: already contains files that this conversion would not write (first "
            f"difference: {different[0]}); choose another --output_root or empty this one"
        )


def _same(target: Path, image: Path, use_softlink: bool) -> bool:
    if target.is_symlink() or use_softlink:
        return target.is_symlink() and use_softlink and target.readlink() == image.absolute()
    return filecmp.cmp(target, image, shallow=False)


def _place(plan: Mapping[Path, Path], output: Path, use_softlink: bool) -> None:
    """Build the tree in a temporary folder next to `output`, then rename it to `output`."""
    if output.is_mount():
        raise ConversionError(f"{output}: is a mount point; choose a folder inside it")
    if output.exists() and not output.is_dir():
        raise ConversionError(f"{output}: expected no such file or an empty folder, found a file")
    output.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(
        tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".partial", dir=output.parent)
    )
    try:
        tree = staging / output.name
        for path, image in tqdm(plan.items(), desc="Placing", unit="image", disable=None):
            target = tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if use_softlink:
                target.symlink_to(image.absolute())
            else:
                shutil.copyfile(image, target)
        os.sync()  # one call for all files: the rename must not outlive their bytes
        tree.replace(output)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
